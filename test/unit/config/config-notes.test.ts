import { describe, expect, it, test } from 'vitest';
import { configNotes } from '../../../src/config/config-notes.js';
import { parse, withMapping, withSections } from './configuration-text.js';

async function notedPaths(text: string): Promise<string[]> {
  return configNotes(await parse(text)).map(({ path }) => path);
}

describe('a valid configuration that may not do what was meant', () => {
  test.each([
    ['drift: revert', ['mappings[config].drift']],
    ['direction: zookeeper-to-consul\ninitial: consul', ['mappings[config].initial']],
    ['direction: consul-to-zookeeper\nconflict: zookeeper-wins', ['mappings[config].conflict']],
    ['maxDelete: { percent: 100 }', ['mappings[config].maxDelete']],
  ])('is noted: %j', async (settings, paths) => {
    expect(await notedPaths(withMapping(settings))).toEqual(paths);
  });

  test.each(['0.0.0.0:9464', '"[::]:9464"', 'example:9464'])(
    'is noted: listening on %s without a token',
    async (listen) => {
      expect(await notedPaths(withSections(`admin: { listen: ${listen} }`))).toEqual(['admin.token']);
    },
  );
});

describe('restricted: skip beside an ACL that does not let everybody read', () => {
  const text = (acl: string) =>
    withMapping('restricted: skip').replace('{ connect: zk1 }', `{ connect: zk1, acl: ${acl} }`);

  test.each([
    ['creator-all, auth: { scheme: digest, credentials: "a:b" }', ['mappings[config].restricted']],
    ['[{ scheme: ip, id: 10.0.0.1, permissions: crwda }]', ['mappings[config].restricted']],
    ['[{ scheme: world, id: anyone, permissions: w }]', ['mappings[config].restricted']],
    ['[{ scheme: world, id: anyone, permissions: r }]', []],
    ['open', []],
  ])('is noted: %s', async (acl, paths) => {
    expect(await notedPaths(text(acl))).toEqual(paths);
  });
});

describe('a configuration that does what was meant', () => {
  it('has no notes', async () => {
    expect(await notedPaths(withSections(''))).toEqual([]);
    expect(await notedPaths(withSections('admin: { listen: 0.0.0.0:9464, token: x }'))).toEqual([]);
    expect(await notedPaths(withSections('admin: { listen: off }'))).toEqual([]);
    expect(
      await notedPaths(withMapping('direction: zookeeper-to-consul\ndrift: revert\ninitial: zookeeper')),
    ).toEqual([]);
  });
});

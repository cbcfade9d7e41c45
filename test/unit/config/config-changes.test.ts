import { describe, expect, it, test } from 'vitest';
import { describeChanges } from '../../../src/config/config-changes.js';
import { parse } from './configuration-text.js';

const BASE = `
zookeeper: { connect: zk1, auth: { credentials: "user:one" } }
consul: { token: one }
mappings:
  - { name: a, zookeeper: /a, consul: a }
  - { name: b, zookeeper: /b, consul: b, exclude: ['x/**', 'y'] }
`;

async function changesTo(text: string) {
  return describeChanges(await parse(BASE), await parse(text));
}

const NOTHING = { added: [], removed: [], changed: [], sections: [], needRestart: [] };

describe('what a reload changes', () => {
  it('is nothing when the file says the same in other words', async () => {
    const [zookeeper, consul, , a, b] = BASE.trim().split('\n');
    const text = ['log: { level: info }', 'mappings:', `${b}`, `${a}`, consul, zookeeper].join('\n');
    expect(await changesTo(text.replace('consul: a', 'consul: a/'))).toEqual(NOTHING);
  });

  it('is told by the names of mappings', async () => {
    const text = BASE.replace(/ {2}- \{ name: a.*\n/, '  - { name: c, zookeeper: /c, consul: c }\n');
    expect(await changesTo(text)).toEqual({ ...NOTHING, added: ['c'], removed: ['a'] });
  });

  test.each([
    ["'y'", "'z'", ['exclude']],
    [", 'y'", '', ['exclude']],
    ["'x/**', 'y'", "'y', 'x/**'", ['exclude']],
    ['consul: b', 'consul: b2', ['consul']],
    ['consul: b,', 'consul: b, mode: observe, maxDelete: { percent: 1 },', ['mode', 'maxDelete']],
  ])('is told by the settings of a mapping: %s becomes %s', async (from, to, settings) => {
    expect(await changesTo(BASE.replace(from, to))).toEqual({
      ...NOTHING,
      changed: [{ mapping: 'b', settings }],
    });
  });

  test.each([
    ['instance: other', 'instance'],
    ['archive: { path: /elsewhere }', 'archive'],
    ['journal: { keep: 1d }', 'journal'],
    ['admin: { listen: off }', 'admin'],
    ['admin: { token: x }', 'admin'],
  ])('needs a restart: %s', async (added, section) => {
    expect(await changesTo(`${BASE}${added}\n`)).toEqual({ ...NOTHING, needRestart: [section] });
  });

  test.each([
    ['user:one', 'user:two', 'zookeeper'],
    ['connect: zk1', 'connect: "zk1,zk2"', 'zookeeper'],
    ['token: one', 'token: two', 'consul'],
    ['{ token: one }', '{ }', 'consul'],
  ])('needs a restart: %s becomes %s, be it a secret', async (from, to, section) => {
    expect(await changesTo(BASE.replace(from, to))).toEqual({ ...NOTHING, needRestart: [section] });
  });

  test.each([
    ['limits: { consul: { writesPerSecond: 5 } }', 'limits'],
    ['log: { level: debug }', 'log'],
  ])('takes effect at once: %s', async (added, section) => {
    expect(await changesTo(`${BASE}${added}\n`)).toEqual({ ...NOTHING, sections: [section] });
  });
});

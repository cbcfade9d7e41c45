import { inspect } from 'node:util';
import { describe, expect, it, test } from 'vitest';
import { redactedConfig } from '../../../src/config/redacted-config.js';
import { Secret, secretFromFile } from '../../../src/config/secret.js';
import { errorOf, parse, withMapping, withSections, withZooKeeper } from './configuration-text.js';

const SECRET = 'pa55-w0rd';

/** Every way in which a value could end up in a log. */
function printed(value: unknown): string {
  const shown = [
    inspect(value, { depth: Infinity, showHidden: true }),
    JSON.stringify(value),
    String(value),
    value instanceof Error ? `${value.stack}${inspect(value.cause)}` : '',
  ];
  return shown.join('\n');
}

describe('a secret', () => {
  const secret = new Secret(SECRET);

  it('is given away by reveal alone', () => {
    expect(secret.reveal()).toBe(SECRET);
    expect(printed({ secret, list: [secret] })).not.toContain(SECRET);
    expect(String(secret)).toBe('[secret]');
    expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
    expect(inspect({ secret })).toBe('{ secret: [secret] }');
  });

  it('equals another of the same value', () => {
    expect(secret.equals(new Secret(SECRET))).toBe(true);
    expect(secret.equals(new Secret('other'))).toBe(false);
  });

  it('in a file ends before the newline', () => {
    expect(secretFromFile(new TextEncoder().encode(`${SECRET}\r\n`)).reveal()).toBe(SECRET);
  });
});

describe('a valid configuration', () => {
  const text = `${withZooKeeper(
    `auth: { credentials: 'user:${SECRET}' }\nacl: [{ scheme: digest, id: 'user:${SECRET}', permissions: crwda }]`,
  )}consul: { token: "\${TOKEN}" }\nadmin: { token: ${SECRET} }\n`;

  it('shows none of its secrets, in whatever way it is printed', async () => {
    const config = await parse(text, { environment: { TOKEN: SECRET } });
    expect(printed(config)).not.toContain(SECRET);
    expect(config.admin.token?.reveal()).toBe(SECRET);
  });

  it('has a redacted form for logs that says where secrets are', async () => {
    const config = await parse(text, { environment: { TOKEN: SECRET } });
    expect(redactedConfig(config)).toMatchObject({
      zookeeper: {
        auth: { scheme: 'digest', credentials: { kind: 'inline', secret: '[secret]' } },
        acl: [{ scheme: 'digest', id: '[secret]', permissions: 'crwda' }],
      },
      consul: { address: 'http://127.0.0.1:8500', token: { kind: 'inline', secret: '[secret]' } },
      admin: { token: '[secret]' },
    });
  });
});

describe('an invalid configuration shows no secret in its error', () => {
  test.each([
    ['of another type', withSections(`consul: { token: [${SECRET}] }`)],
    ['in braces', withSections(`consul: { token: { ${SECRET} } }`)],
    ['in place of a section', withZooKeeper(`auth: user:${SECRET}`)],
    ['as the name of a setting', withZooKeeper(`auth: { user:${SECRET} }`)],
    ['as the name of a setting with a value', withZooKeeper(`auth: { ${SECRET}!: x }`)],
    [
      'in a section that is wrong otherwise',
      withZooKeeper(`auth: { credentials: 'user:${SECRET}', schema: digest }`),
    ],
    ['without a user', withZooKeeper(`auth: { credentials: ${SECRET} }`)],
    ['beside a syntax error', withSections(`consul: { token: "${SECRET}\\q" }`)],
    ['as a syntax error', withSections(`consul:\n  token: @${SECRET}`)],
    ['as a second value', withSections(`consul:\n  token: a: ${SECRET}`)],
    ['as an alias', withSections(`consul:\n  token: *${SECRET}`)],
    ['as a tag', withSections(`consul:\n  token: !${SECRET} x`)],
    ['twice', withSections(`admin:\n  token: ${SECRET}\n  token: ${SECRET}`)],
    ['in an address', withSections(`consul: { address: 'http://user:${SECRET}@consul:8500' }`)],
    ['as a file', withSections(`consul: { tokenFile: ${SECRET} }`)],
    ['as an id in an ACL', withZooKeeper(`acl: [{ scheme: digest, id: 'u:${SECRET}', permissions: x }]`)],
    ['from a variable in the wrong place', withMapping('direction: "${TOKEN}"')],
    [
      'from a variable as a path',
      withSections('consul: { address: http://consul, tls: { ca: "${TOKEN}" } }'),
    ],
    ['from a variable as a prefix', withSections('').replace('consul: config', 'consul: "/${TOKEN}"')],
  ])('%s', async (_, text) => {
    const error = await errorOf(text, { environment: { TOKEN: SECRET } });
    expect(printed(error)).not.toContain(SECRET);
    expect(error.problems.length).toBeGreaterThan(0);
  });
});

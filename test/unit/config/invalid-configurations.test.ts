import { describe, expect, it, test } from 'vitest';
import type { Surroundings } from './configuration-text.js';
import {
  errorOf,
  problemsOf,
  withMapping,
  withSecondMapping,
  withSections,
  withZooKeeper,
} from './configuration-text.js';

/**
 * A configuration with exactly one thing wrong. The mark `>>` stands right before the place that has to be reported,
 * and is taken out.
 */
interface Wrong {
  readonly text: string;
  readonly path: string;
  readonly message: string | RegExp;
  readonly surroundings?: Surroundings;
}

function unmark(marked: string): { text: string; line: number; column: number } {
  const [before = '', after = ''] = marked.split('>>');
  const lines = before.split('\n');
  return { text: before + after, line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

function reports(cases: Readonly<Record<string, Wrong>>): void {
  test.each(Object.entries(cases))('%s', async (_, { text: marked, path, message, surroundings }) => {
    const { text, line, column } = unmark(marked);
    const problems = await problemsOf(text, surroundings);
    expect(problems.map((problem) => ({ ...problem, message: undefined }))).toEqual([
      { path, line, column, message: undefined },
    ]);
    expect(problems[0]?.message).toMatch(message);
  });
}

const name = 'name: other\n';

describe('names of settings', () => {
  reports({
    'unknown at the top': {
      text: withSections('>>jurnal: { keep: 1d }'),
      path: 'jurnal',
      message: 'unknown setting; did you mean journal?',
    },
    'unknown inside a section, in another style': {
      text: withZooKeeper('>>session_timeout: 15s'),
      path: 'zookeeper.session_timeout',
      message: 'did you mean sessionTimeout?',
    },
    'unknown deep inside a mapping, with swapped letters': {
      text: withMapping('maxDelete: { >>precent: 10 }'),
      path: 'mappings[0].maxDelete.precent',
      message: 'did you mean percent?',
    },
    'unknown without any likeness': {
      text: withMapping('>>colour: red'),
      path: 'mappings[0].colour',
      message: 'unknown setting; allowed here: name, zookeeper, consul, direction',
    },
    'unknown in a list of another form': {
      text: withZooKeeper("acl: [{ scheme: world, id: anyone, permissions: r, >>ids: 'x' }]"),
      path: 'zookeeper.acl[0].ids',
      message: 'did you mean id?',
    },
    'names of object prototypes': {
      text: withSections('>>constructor: 1'),
      path: 'constructor',
      message: 'unknown setting',
    },
    'set twice': {
      text: withMapping('direction: both\n>>direction: consul-to-zookeeper'),
      path: 'mappings[0].direction',
      message: 'is set twice; the first time on line 6',
    },
    'a merge key': {
      text: withMapping('>><<: { drift: revert }'),
      path: 'mappings[0]',
      message: 'merge keys (<<) are not supported',
    },
    'a number': {
      text: withSections('>>1: x'),
      path: '',
      message: 'the name of a setting is a plain text',
    },
    'a list': {
      text: withSections('? >>[a, b]\n: x'),
      path: '',
      message: 'the name of a setting is a plain text',
    },
  });
});

describe('what has to be there', () => {
  reports({
    'no mappings': {
      text: '>>zookeeper: { connect: zk1 }\n',
      path: 'mappings',
      message: 'is missing; allowed: a list of 1 to 1000 mappings',
    },
    'an empty list of mappings': {
      text: 'zookeeper: { connect: zk1 }\nmappings: >>[]\n',
      path: 'mappings',
      message: 'got an empty list; allowed: a list of 1 to 1000 mappings',
    },
    'mappings all commented out': {
      text: 'zookeeper: { connect: zk1 }\nmappings:>>\n# - name: config\n',
      path: 'mappings',
      message: 'got nothing; allowed: a list of 1 to 1000 mappings',
    },
    'no ZooKeeper': {
      text: '>>mappings: [{ name: a, zookeeper: /a, consul: a }]\n',
      path: 'zookeeper',
      message: 'is missing',
    },
    'a mapping without its prefix': {
      text: 'zookeeper: { connect: zk1 }\nmappings:\n  - >>name: a\n    zookeeper: /a\n',
      path: 'mappings[0].consul',
      message: 'is missing; allowed: a prefix without leading "/"',
    },
    'a setting without its value': {
      text: withSections('consul:\n  token:>>\n'),
      path: 'consul.token',
      message: 'got nothing; allowed: a text',
    },
    'authentication without credentials': {
      text: withZooKeeper('auth: >>{ scheme: digest }'),
      path: 'zookeeper.auth',
      message: 'credentials or credentialsFile is needed',
    },
  });
});

describe('types and choices', () => {
  reports({
    'a list for a section': {
      text: withSections('journal: >>[1]'),
      path: 'journal',
      message: 'got a list; allowed: a group of settings: keep, maxBytes',
    },
    'a text for a section, which is not repeated': {
      text: withZooKeeper('auth: >>user:password'),
      path: 'zookeeper.auth',
      message: /^got a text; allowed: a group of settings: scheme, credentials, credentialsFile$/,
    },
    'a section for a list': {
      text: withMapping('include: >>{ a: b }'),
      path: 'mappings[0].include',
      message: 'got a group of settings; allowed: a list of 1 to 256 patterns',
    },
    'a text for a number': {
      text: withSections("limits: { consul: { writesPerSecond: >>'10' } }"),
      path: 'limits.consul.writesPerSecond',
      message: 'got "10"; allowed: a whole number from 0 to 1000000',
    },
    'a fraction for a whole number': {
      text: withMapping('maxDelete: { percent: >>2.5 }'),
      path: 'mappings[0].maxDelete.percent',
      message: 'got 2.5; allowed: a whole number from 0 to 100',
    },
    'a number out of range': {
      text: withMapping('maxOverwrite: { percent: >>101 }'),
      path: 'mappings[0].maxOverwrite.percent',
      message: 'got 101; allowed: a whole number from 0 to 100',
    },
    'a number for a text': {
      text: withSections('consul: { datacenter: >>1 }'),
      path: 'consul.datacenter',
      message: 'got 1: to be a text it needs quotes',
    },
    'a number for a secret, which is not repeated': {
      text: withSections('admin: { token: >>123456 }'),
      path: 'admin.token',
      message: /^got a number: to be a text it needs quotes; allowed: a text/,
    },
    'a token with the end of the line it was read from, which is not repeated': {
      text: withSections(String.raw`admin: { token: >>"hush\n" }`),
      path: 'admin.token',
      message: /^got \[secret\]: has a line break or another character that no HTTP header can hold/,
    },
    'yes for true': {
      text: withSections('highAvailability: { enabled: >>yes }'),
      path: 'highAvailability.enabled',
      message: 'got "yes"; allowed: true, false',
    },
    'an unknown choice': {
      text: withMapping('direction: >>zookeeper-to-consull'),
      path: 'mappings[0].direction',
      message: 'got "zookeeper-to-consull"; allowed: both, zookeeper-to-consul, consul-to-zookeeper',
    },
    'an unknown level of the log': {
      text: withSections('log: { level: >>verbose }'),
      path: 'log.level',
      message: 'allowed: fatal, error, warn, info, debug, trace',
    },
    'a name that is no part of a path': {
      text: withSections('instance: >>a/b'),
      path: 'instance',
      message: 'got "a/b"; allowed: up to 63 letters',
    },
    'a text with control characters, shown without them': {
      text: withSections(String.raw`instance: >>"a\e[31m\nb"`),
      path: 'instance',
      message: String.raw`got "a\u{1b}[31m\u{a}b"`,
    },
  });
});

describe('durations and sizes', () => {
  reports({
    'a duration without unit': {
      text: withZooKeeper('sessionTimeout: >>15'),
      path: 'zookeeper.sessionTimeout',
      message: 'got 15; allowed: 1s to 10m, with the unit ms, s, m, h or d',
    },
    'a duration in quotes without unit': {
      text: withZooKeeper('sessionTimeout: >>"15"'),
      path: 'zookeeper.sessionTimeout',
      message: 'got "15": the unit is missing',
    },
    'a duration of two units': {
      text: withMapping('verifyEvery: >>1h30m'),
      path: 'mappings[0].verifyEvery',
      message: 'not a whole number followed by its unit',
    },
    'a duration below its range': {
      text: withZooKeeper('sessionTimeout: >>10ms'),
      path: 'zookeeper.sessionTimeout',
      message: 'too short; allowed: 1s to 10m',
    },
    'a duration above its range': {
      text: withMapping('maxDelete: { within: >>31d }'),
      path: 'mappings[0].maxDelete.within',
      message: 'too long; allowed: 100ms to 30d',
    },
    'a size in powers of ten': {
      text: withSections('journal: { maxBytes: >>1GB }'),
      path: 'journal.maxBytes',
      message: 'sizes are counted in powers of 1024: write GiB',
    },
    'a negative size': {
      text: withSections('journal: { maxBytes: >>-1 }'),
      path: 'journal.maxBytes',
      message: 'got -1; allowed: a whole number',
    },
    'a size below its range': {
      text: withSections('journal: { maxBytes: >>1 }'),
      path: 'journal.maxBytes',
      message: 'too small',
    },
  });
});

describe('addresses', () => {
  reports({
    'a server with an impossible port': {
      text: 'zookeeper: { connect: >>"zk1:2181,zk2:99999" }\nmappings: [{ name: a, zookeeper: /a, consul: a }]\n',
      path: 'zookeeper.connect',
      message: 'server 2 of the list: the port is no number from 0 to 65535',
    },
    'a chroot behind each server': {
      text: 'zookeeper: { connect: >>"a:1/x,b:2/x" }\nmappings: [{ name: a, zookeeper: /a, consul: a }]\n',
      path: 'zookeeper.connect',
      message: 'the chroot stands once, behind the last server',
    },
    'an address of Consul with a path': {
      text: withSections('consul: { address: >>http://127.0.0.1:8500/v1/kv }'),
      path: 'consul.address',
      message: 'the address ends after the port, without a path',
    },
    'an address of Consul with credentials, which are not repeated': {
      text: withSections('consul: { address: >>http://user:password@consul:8500 }'),
      path: 'consul.address',
      message: /^got \[secret\]: credentials in the address are not supported/,
    },
    'a scheme that is not spoken': {
      text: withSections('consul: { address: >>unix:///run/consul.sock }'),
      path: 'consul.address',
      message: 'unix:// is not supported',
    },
    'TLS for a plain address': {
      text: withSections('consul: { address: http://consul:8500, tls: >>{} }'),
      path: 'consul.tls',
      message: 'is set, but consul.address begins with http://',
    },
    'listening on a port alone': {
      text: withSections('admin: { listen: >>":9464" }'),
      path: 'admin.listen',
      message: '0.0.0.0 listens on all interfaces',
    },
    'listening on a bare IPv6 address': {
      text: withSections('admin: { listen: >>"::1" }'),
      path: 'admin.listen',
      message: 'an IPv6 address needs brackets',
    },
  });
});

describe('access', () => {
  reports({
    'token and tokenFile': {
      text: withSections('consul: { token: a, tokenFile: >>t }'),
      path: 'consul.tokenFile',
      message: 'is set as well as consul.token; allowed: one of the two',
      surroundings: { files: { '/etc/sync/t': 'x' } },
    },
    'credentials and credentialsFile': {
      text: withZooKeeper('auth: { credentialsFile: >>c, credentials: a:b }'),
      path: 'zookeeper.auth.credentialsFile',
      message: 'is set as well as zookeeper.auth.credentials',
      surroundings: { files: { '/etc/sync/c': 'a:b' } },
    },
    'digest credentials without a user': {
      text: withZooKeeper('auth: { credentials: >>password }'),
      path: 'zookeeper.auth.credentials',
      message: 'has no ":"; allowed for digest: user:password',
    },
    'a form of ACL that does not exist': {
      text: withZooKeeper('acl: >>closed'),
      path: 'zookeeper.acl',
      message: 'got "closed"; allowed: open, creator-all, or a list of {scheme, id, permissions}',
    },
    'an ACL entry with a permission that does not exist': {
      text: withZooKeeper('acl: [{ scheme: world, id: anyone, permissions: >>crwx }]'),
      path: 'zookeeper.acl[0].permissions',
      message: 'a letter without meaning; allowed: letters of crwda',
    },
    'an ACL entry that grants something twice': {
      text: withZooKeeper('acl: [{ scheme: world, id: anyone, permissions: >>rr }]'),
      path: 'zookeeper.acl[0].permissions',
      message: 'a letter stands twice',
    },
    'an incomplete ACL entry': {
      text: withZooKeeper('acl: [>>{ scheme: world, permissions: r }]'),
      path: 'zookeeper.acl[0].id',
      message: 'is missing',
    },
    'an empty ACL': {
      text: withZooKeeper('acl: >>[]'),
      path: 'zookeeper.acl',
      message: 'got an empty list; allowed: open, creator-all',
    },
    'an ACL for the creator without anyone to be': {
      text: withZooKeeper('acl: >>creator-all'),
      path: 'zookeeper.acl',
      message: 'creator-all needs an identity',
    },
  });
});

describe('paths and prefixes', () => {
  reports({
    'a relative path': {
      text: withSecondMapping(`${name}zookeeper: >>a\nconsul: a`),
      path: 'mappings[1].zookeeper',
      message: 'a path starts with "/"',
    },
    'a path with an empty segment': {
      text: withSecondMapping(`${name}zookeeper: >>/a//b\nconsul: a`),
      path: 'mappings[1].zookeeper',
      message: 'segment 2 of the path is empty or not legal in ZooKeeper',
    },
    'a path with dots': {
      text: withSecondMapping(`${name}zookeeper: >>/a/../b\nconsul: a`),
      path: 'mappings[1].zookeeper',
      message: 'segment 2 of the path',
    },
    'S8: the path of the daemon itself': {
      text: withSecondMapping(`${name}zookeeper: >>/zk-consul-sync/x\nconsul: a`),
      path: 'mappings[1].zookeeper',
      message: '/zk-consul-sync is reserved',
    },
    'S8: the path of ZooKeeper itself': {
      text: withSecondMapping(`${name}zookeeper: >>/zookeeper/\nconsul: a`),
      path: 'mappings[1].zookeeper',
      message: '/zookeeper is reserved',
    },
    'S8: the prefix of the daemon itself': {
      text: withSecondMapping(`${name}zookeeper: /a\nconsul: >>zk-consul-sync/`),
      path: 'mappings[1].consul',
      message: 'zk-consul-sync/ is reserved',
    },
    'a prefix with a leading slash': {
      text: withSecondMapping(`${name}zookeeper: /a\nconsul: >>/a`),
      path: 'mappings[1].consul',
      message: 'Consul keys have no leading "/"',
    },
    'a prefix with an empty segment': {
      text: withSecondMapping(`${name}zookeeper: /a\nconsul: >>a//`),
      path: 'mappings[1].consul',
      message: 'segment 2 of the prefix is empty',
    },
    'a prefix from a variable that is empty, which would map the whole store': {
      text: withSecondMapping(`${name}zookeeper: /a\nconsul: >>\${PREFIX}`),
      path: 'mappings[1].consul',
      message: 'the value of ${PREFIX} is empty; "" has to be written as such',
      surroundings: { environment: { PREFIX: '' } },
    },
    'a pattern of another language': {
      text: withMapping("include: ['**', >>'a/{b,c}']"),
      path: 'mappings[0].include[1]',
      message: '"{" is no wildcard here',
    },
  });
});

describe('mappings that get in each other’s way', () => {
  reports({
    'the same name': {
      text: withSecondMapping('name: >>config\nzookeeper: /a\nconsul: a'),
      path: 'mappings[1].name',
      message: 'is the name of another mapping too (line 3)',
    },
    'the same path but for a slash': {
      text: withSecondMapping(`${name}zookeeper: >>/config/\nconsul: a`),
      path: 'mappings[1].zookeeper',
      message: 'got "/config/", which overlaps with mappings[0].zookeeper, "/config" (line 4)',
    },
    'a path below another': {
      text: withSecondMapping(`${name}zookeeper: >>/config/x/y\nconsul: a`),
      path: 'mappings[1].zookeeper',
      message: 'overlaps with mappings[0].zookeeper',
    },
    'the whole tree': {
      text: withSecondMapping(`${name}zookeeper: >>/\nconsul: a`),
      path: 'mappings[1].zookeeper',
      message: 'overlaps with mappings[0].zookeeper',
    },
    'a prefix below another': {
      text: withSecondMapping(`${name}zookeeper: /a\nconsul: >>config/x`),
      path: 'mappings[1].consul',
      message: 'got "config/x", which overlaps with mappings[0].consul, "config" (line 5)',
    },
    'the whole store': {
      text: withSecondMapping(`${name}zookeeper: /a\nconsul: >>""`),
      path: 'mappings[1].consul',
      message: 'overlaps with mappings[0].consul',
    },
    'a prefix from a variable, whose value is not repeated': {
      text: withSecondMapping(`${name}zookeeper: /a\nconsul: >>\${PREFIX}`),
      path: 'mappings[1].consul',
      message: 'got the value of ${PREFIX}, which overlaps with',
      surroundings: { environment: { PREFIX: 'config/x' } },
    },
  });
});

describe('variables', () => {
  reports({
    'not set': {
      text: withSections('consul: { token: >>"${TOKEN}" }'),
      path: 'consul.token',
      message: 'the environment variable TOKEN is not set; set it, or give a default: ${TOKEN:-default}',
    },
    'not closed': {
      text: withSections('consul: { datacenter: >>"${DC" }'),
      path: 'consul.datacenter',
      message: 'a variable is written ${NAME} or ${NAME:-default}, and a literal ${ is written $${',
    },
    'with another default than those of this file': {
      text: withSections('consul:\n  datacenter: >>${DC-dc1}'),
      path: 'consul.datacenter',
      message: 'a variable is written ${NAME} or ${NAME:-default}',
    },
    'with a wrong value, which is not repeated': {
      text: withSections('consul:\n  address: >>${CONSUL}'),
      path: 'consul.address',
      message: /^got the value of \$\{CONSUL\}: the host is neither a name nor an address; allowed: http/,
      surroundings: { environment: { CONSUL: 's3cret!' } },
    },
    'CONSUL_HTTP_ADDR with a wrong value': {
      text: withSections('consul: >>{ datacenter: dc1 }'),
      path: 'consul.address',
      message: 'got the value of CONSUL_HTTP_ADDR: unix:// is not supported',
      surroundings: { environment: { CONSUL_HTTP_ADDR: 'unix:///run/consul.sock' } },
    },
    'a number that is none': {
      text: withMapping('maxDelete: { percent: >>"${P}" }'),
      path: 'mappings[0].maxDelete.percent',
      message: 'got the value of ${P}; allowed: a whole number from 0 to 100',
      surroundings: { environment: { P: 'half' } },
    },
    'more than fit': {
      text: withSections(`consul: { datacenter: a, token: >>"${'${LONG}'.repeat(11)}" }`),
      path: 'consul.token',
      message: 'the variables are too long',
      surroundings: { environment: { LONG: 'x'.repeat(100_000) } },
    },
  });
});

describe('YAML', () => {
  reports({
    'a bracket that is not closed': {
      text: 'zookeeper: [a\n>>mappings: 1\n',
      path: '',
      message: 'YAML syntax: wrong indentation, or a bracket or quote that is not closed',
    },
    'a tab': { text: 'a:\n>>\tb: 1\n', path: '', message: 'YAML syntax: a tab' },
    'two documents': {
      text: 'a: 1\n>>---\nb: 2\n',
      path: '',
      message: 'YAML syntax: more than one document',
    },
    'a second colon': { text: 'a: >>b: c\n', path: '', message: 'YAML syntax: a second ":" on the line' },
    'an older version, in which off is false': {
      text: '>>%YAML 1.1\n---\nadmin: { listen: off }\n',
      path: '',
      message: 'the file is read as YAML 1.2',
    },
    'a list instead of settings': {
      text: '>>- a\n',
      path: '',
      message: 'got a list; allowed: a group of settings: instance, zookeeper',
    },
    'a tag': {
      text: withSections('instance: !env >>NAME'),
      path: 'instance',
      message: 'tags (!) are not used',
    },
    'binary data': {
      text: withSections('instance: !!binary >>aGVsbG8='),
      path: 'instance',
      message: 'tags (!) are not used',
    },
    'an alias without an anchor': {
      text: withMapping('include: >>*patterns'),
      path: 'mappings[0].include',
      message: 'the alias (*) has no anchor',
    },
    'a character that is none': {
      text: withSections('instance: "a>>\ufdd0"'),
      path: '',
      message: 'a noncharacter of Unicode',
    },
  });

  it('S9: nesting without end is a problem and no stack overflow', async () => {
    expect(await problemsOf(`a: ${'['.repeat(100_000)}`)).toMatchObject([
      { line: 1, message: 'YAML syntax: nested too deeply' },
    ]);
  });

  it('S9: aliases of aliases are not multiplied out', async () => {
    const levels = Array.from({ length: 9 }, (_, i) => `&l${i + 1} [${`*l${i},`.repeat(9)}]`);
    const bomb = `include: [&l0 [x], ${levels.join(', ')}]`;
    const problems = await problemsOf(withMapping(bomb));
    expect(problems.length).toBeLessThanOrEqual(10);
    expect(problems.every(({ path }) => path.startsWith('mappings[0].include['))).toBe(true);
  });

  it('S9: no more than 200 aliases are followed', async () => {
    const text = withMapping(`exclude: [&p 'a', ${'*p, '.repeat(201)}]`);
    expect(await problemsOf(text)).toMatchObject([
      { path: 'mappings[0].exclude[201]', message: 'more than 200 uses of aliases (*)' },
    ]);
  });

  it('S9: an anchor around itself is a problem and no endless loop', async () => {
    expect(await problemsOf(withMapping('include: &all [*all]'))).toMatchObject([
      { path: 'mappings[0].include[0]', message: expect.stringContaining('got a list') as string },
    ]);
  });
});

describe('a file with many problems', () => {
  const text = [
    'instnce: a',
    'zookeeper: { connect: "zk1:x", sessionTimeout: 15 }',
    'consul: { token: "${UNSET}", tokenFile: t }',
    'mappings:',
    '  - { name: a, zookeeper: /a, consul: a, direction: up }',
    '  - { name: a, zookeeper: /a/b, consul: a/b, mode: dry }',
  ].join('\n');

  it('has them all reported at once, in the order of the file', async () => {
    const places = (await problemsOf(text)).map(({ line, path }) => `${line} ${path}`);
    expect(places).toEqual([
      '1 instnce',
      '2 zookeeper.connect',
      '2 zookeeper.sessionTimeout',
      '3 consul.token',
      '3 consul.tokenFile',
      '3 consul.tokenFile',
      '5 mappings[0].direction',
      '6 mappings[1].name',
      '6 mappings[1].zookeeper',
      '6 mappings[1].consul',
      '6 mappings[1].mode',
    ]);
  });

  it('has one line for each in the message, with the place as editors and terminals know it', async () => {
    const error = await errorOf(text);
    expect(error.code).toBe('CONFIG_INVALID');
    const [title, ...lines] = error.message.split('\n');
    expect(title).toBe('11 problems in the configuration /etc/sync/config.yaml');
    expect(lines).toHaveLength(error.problems.length);
    expect(lines[0]).toBe('/etc/sync/config.yaml:1:1: instnce: unknown setting; did you mean instance?');
  });

  it('S9: has no more than a hundred of them in the message', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `zz${i}: 1`).join('\n');
    const lines = (await errorOf(withSections(names))).message.split('\n');
    expect(lines).toHaveLength(102);
    expect(lines[0]).toBe('300 problems in the configuration /etc/sync/config.yaml');
    expect(lines.at(-1)).toBe('and 200 more');
  });

  it('S9: is compared no further than the number of mappings allowed', async () => {
    const mappings = Array.from({ length: 3000 }, () => '  - { name: a, zookeeper: /a, consul: a }').join(
      '\n',
    );
    const problems = await problemsOf(`zookeeper: { connect: zk1 }\nmappings:\n${mappings}\n`);
    expect(problems[0]).toMatchObject({
      path: 'mappings',
      message: expect.stringContaining('1 to 1000') as string,
    });
    expect(problems).toHaveLength(1 + 3 * 999);
  });
});

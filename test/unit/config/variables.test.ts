import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { expandVariables } from '../../../src/config/variables.js';
import { parse, withMapping, withSections, withZooKeeper } from './configuration-text.js';

const environment = { A: 'a', EMPTY: '', NESTED: '${A}', _x9: 'x' };

describe('variables in a text', () => {
  test.each([
    ['plain $A text', 'plain $A text', []],
    ['${A}', 'a', ['A']],
    ['<${A}-${_x9}>', '<a-x>', ['A', '_x9']],
    ['${A:-b}', 'a', ['A']],
    ['${UNSET:-b: c}', 'b: c', ['UNSET']],
    ['${UNSET:-}', '', ['UNSET']],
    ['${EMPTY:-b}', 'b', ['EMPTY']],
    ['${EMPTY}', '', ['EMPTY']],
    ['${NESTED}', '${A}', ['NESTED']],
    ['$${A}', '${A}', []],
    ['$$${A}', '$${A}', []],
    ['$${', '${', []],
    ['${A}}', 'a}', ['A']],
  ])('%s becomes %s', (text, expanded, variables) => {
    expect(expandVariables(text, environment)).toEqual({ text: expanded, variables, problem: undefined });
  });

  test.each([
    '${UNSET}',
    '${}',
    '${A',
    '${1A}',
    '${A-b}',
    '${A:?b}',
    '${A:-${B}}',
    '${ A }',
    '${toString}',
    '${A:-b',
  ])('%s is a problem', (text) => {
    expect(expandVariables(text, environment).problem).toBeTypeOf('string');
  });

  it('do not touch a text whose ${ are escaped', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'A', ':', '-') }), (text) => {
        expect(
          expandVariables(
            text.replaceAll('${', () => '$${'),
            environment,
          ),
        ).toMatchObject({
          text,
          variables: [],
        });
      }),
    );
  });

  it('pass on any value as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(expandVariables('<${V}>', { V: value }).text).toBe(`<${value}>`);
      }),
    );
  });
});

describe('variables in a configuration', () => {
  it('stay one value whatever they hold, so that nothing can be added to the file', async () => {
    const hostile = 'x\nadmin:\n  listen: 0.0.0.0:80 # " \' { } [ ] *a &b !c';
    const text = withZooKeeper('auth:\n  scheme: digest\n  credentials: ${AUTH}');
    const config = await parse(text, { environment: { AUTH: hostile } });
    const credentials = config.zookeeper.auth?.credentials;
    expect(credentials?.kind === 'inline' && credentials.secret.reveal()).toBe(hostile);
    expect(config.admin.listen).toEqual({ host: '127.0.0.1', port: 9464 });
  });

  it('are kept together inside braces without quotes, defaults with indicators of YAML too', async () => {
    const text = withSections(
      'log: { level: ${LEVEL}, format: ${FORMAT:-json} }\nadmin: { listen: ${L:-[::1]:9464}, token: ${T:-a, b: {c #d} }',
    ).replace('{c #d', 'c #d');
    const config = await parse(text, { environment: { LEVEL: 'debug' } });
    expect(config.log).toEqual({ level: 'debug', format: 'json' });
    expect(config.admin.listen).toEqual({ host: '::1', port: 9464 });
    expect(config.admin.token?.reveal()).toBe('a, b: c #d');
  });

  it('become numbers and true or false where the setting asks for them, and nowhere else', async () => {
    const text = `${withMapping('maxDelete: { percent: "${PERCENT}", atLeast: "${MIN:-7}" }')}
highAvailability: { enabled: "\${HA}" }
consul: { datacenter: "\${DC}" }
`;
    const config = await parse(text, { environment: { PERCENT: '50', HA: 'false', DC: '12' } });
    expect(config.mappings[0]?.maxDelete).toMatchObject({ percent: 50, atLeast: 7 });
    expect(config.highAvailability.enabled).toBe(false);
    expect(config.consul.datacenter).toBe('12');
  });

  it('are not looked for in names and comments', async () => {
    const config = await parse(withSections('log: { level: warn } # ${UNSET} ${'));
    expect(config.log.level).toBe('warn');
  });
});

import { readFile } from 'node:fs/promises';
import { describe, expect, it, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import type { SettingNode } from '../../../src/config/setting-tree.js';
import { PROJECT_ROOT, generatedFiles } from '../../kit/generate/generated-files.js';
import { listSettings } from '../../kit/generate/setting-list.js';
import { parse } from './configuration-text.js';

function shipped(path: string): Promise<string> {
  return readFile(new URL(path, PROJECT_ROOT), 'utf8');
}

describe('the files made from the schema, and from kept results', async () => {
  const files = await generatedFiles();

  test.each([...files.keys()])('%s is what the generator makes now', async (path) => {
    expect(await shipped(path)).toBe(files.get(path));
  });
});

describe('the schema', () => {
  it('describes every setting', () => {
    const silent = listSettings().filter(({ node }) => (node.description ?? '').length < 5);
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('has a default for every setting that is neither required nor absent by default', () => {
    const absent = listSettings().filter(({ node, isRequired }) => !isRequired && node.default === undefined);
    expect(absent.map(({ path }) => path)).toEqual([
      'zookeeper.auth',
      'zookeeper.auth.credentials',
      'zookeeper.auth.credentialsFile',
      'zookeeper.tls',
      'zookeeper.tls.ca',
      'zookeeper.tls.cert',
      'zookeeper.tls.key',
      'zookeeper.tls.serverName',
      'consul.datacenter',
      'consul.token',
      'consul.tokenFile',
      'consul.tls',
      'consul.tls.ca',
      'consul.tls.cert',
      'consul.tls.key',
      'consul.tls.serverName',
      'mappings',
      'services',
      'services[].consul.node',
      'services[].rename',
      'admin.token',
      'log.audit',
    ]);
  });

  it('for editors is plain JSON Schema, and lets variables stand wherever a value is restricted', async () => {
    const schema = JSON.parse(await shipped('config.schema.json')) as unknown;
    const level = expect.objectContaining({
      default: 'info',
      anyOf: [
        { type: 'string', enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] },
        { $ref: '#/definitions/variable' },
      ],
    }) as unknown;
    expect(schema).toMatchObject({
      additionalProperties: false,
      properties: { log: { properties: { level } } },
    });
    expect(JSON.stringify(schema)).not.toMatch(/"(allowed|secret|place|defaultNote)":/);
  });
});

describe('the example', () => {
  /** Optional settings stand behind a "#" without a space, those of an optional group behind one in front of its line. */
  function withOptionalSettings(example: string): string {
    return example.replaceAll(/^( *)#(?=\w)/gm, '$1').replaceAll(/^#(?= {2})/gm, '');
  }

  /** All values of a document by the path of their setting. */
  function valuesBelow(value: unknown, path = ''): [string, unknown][] {
    if (Array.isArray(value) && typeof value[0] === 'object') return valuesBelow(value[0], `${path}[]`);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]];
    return Object.entries(value).flatMap(([name, inner]) =>
      valuesBelow(inner, path === '' ? name : `${path}.${name}`),
    );
  }

  function isShown(node: SettingNode, path: string): boolean {
    const isGroup = ['mappings', 'services', 'services[].rename'].includes(path);
    return node.type !== 'object' && !isGroup && !path.startsWith('zookeeper.acl[]');
  }

  it('is valid as it is, without any variable set', async () => {
    await expect(parse(await shipped('config.example.yaml'))).resolves.toMatchObject({ instance: 'default' });
  });

  it('is valid when the variables it names are set', async () => {
    const environment = { ZK_CONNECT: 'zk:2181', CONSUL_HTTP_ADDR: 'consul:8500' };
    const config = await parse(await shipped('config.example.yaml'), { environment });
    expect(config.consul.address).toBe('http://consul:8500');
  });

  it('is valid with its optional settings, of two that exclude each other one', async () => {
    const text = withOptionalSettings(await shipped('config.example.yaml'))
      .replaceAll(/^ *(tls|tokenFile):.*\n/gm, '')
      .replace(/, credentialsFile: [^ ]*/, '');
    const environment = { ZK_AUTH: 'user:password', CONSUL_HTTP_TOKEN: 'token', ADMIN_TOKEN: 'admin' };
    const config = await parse(text, { environment });
    expect(config.zookeeper.auth).toBeDefined();
    expect(config.admin.token?.reveal()).toBe('admin');
  });

  it('has every setting, once, and no other', async () => {
    const document: unknown = parseYaml(withOptionalSettings(await shipped('config.example.yaml')));
    const paths = valuesBelow(document).map(([path]) => path);
    const settings = listSettings().filter(({ node, path }) => isShown(node, path));
    expect(paths).toEqual(settings.map(({ path }) => path));
  });

  it('gives every setting its default', async () => {
    const example = await shipped('config.example.yaml');
    const documents = [withOptionalSettings(example), example].map((text): unknown => parseYaml(text));
    const values = new Map(documents.flatMap((document) => valuesBelow(document)));
    values.set(
      'consul.address',
      String(values.get('consul.address')).replace(/^\$\{CONSUL_HTTP_ADDR:-(.*)\}$/, '$1'),
    );
    const defaults = listSettings().filter(
      ({ node, path }) => isShown(node, path) && node.default !== undefined,
    );
    for (const { path, node } of defaults.filter((it) => it.path !== 'zookeeper.auth.scheme')) {
      expect({ path, value: values.get(path) }).toEqual({ path, value: node.default });
    }
  });

  it('fits on the screen of a terminal', async () => {
    const long = (await shipped('config.example.yaml')).split('\n').filter((line) => line.length > 120);
    expect(long).toEqual([]);
  });
});

describe('the documentation', () => {
  it('has examples of configurations that are valid', async () => {
    const page = await shipped('docs/configuration.md');
    const examples = [...page.matchAll(/```yaml\n(zookeeper:[^`]*)```/g)].map((match) => match[1] ?? '');
    expect(examples).not.toEqual([]);
    for (const example of examples) await expect(parse(example)).resolves.toBeDefined();
  });
});

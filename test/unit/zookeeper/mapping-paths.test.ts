import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MappingPaths } from '../../../src/zookeeper/mapping-paths.js';

describe('MappingPaths', () => {
  it('finds every key again at its path, whatever the root', () => {
    const roots = fc.constantFrom('/config', '/a/b c', '/');
    const keys = fc.string({ unit: 'binary' }).filter((key) => !/^(zookeeper|ours)(\/|$)/.test(key));
    fc.assert(
      fc.property(roots, keys, (root, key) => {
        const paths = new MappingPaths(root, '/ours');
        expect(paths.keyOf(paths.pathOf(key))).toBe(key);
      }),
    );
  });

  it('S8: knows no key for the root, for what lies beside it, and for illegal names', () => {
    const paths = new MappingPaths('/config', '/zk-consul-sync');
    for (const path of [
      '/config',
      '/',
      '/configuration/a',
      '/other',
      '/config/',
      '/config//a',
      '/config/a\u0001',
    ]) {
      expect(paths.keyOf(path), path).toBeUndefined();
    }
  });

  it('S8: leaves out the namespace and the system nodes below a root that holds them', () => {
    const paths = new MappingPaths('/', '/zk-consul-sync');
    for (const path of [
      '/zookeeper',
      '/zookeeper/quota',
      '/zk-consul-sync',
      '/zk-consul-sync/default/config',
    ]) {
      expect(paths.keyOf(path), path).toBeUndefined();
    }
    expect(paths.keyOf('/zookeepers')).toBe('zookeepers');
    expect(paths.keyOf('/config/zookeeper')).toBe('config/zookeeper');
  });
});

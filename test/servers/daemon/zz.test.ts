import { expect, it } from 'vitest';
import { Staging } from '../../kit/daemon/staging.js';
import { randomContents, writeKeys, keysBelow, writeZnodes, znodesBelow } from './contents.js';
it('x', async () => {
  const staging = await Staging.start();
  const t = async (n: string, f: () => Promise<unknown>) => { const a = performance.now(); try { await f(); } finally { console.log(n, performance.now() - a); } };
  const c = randomContents(500, 512*1024, 'c-');
  await t('writeKeys', () => writeKeys(staging, 'config/', c));
  await t('recurse', async () => (await staging.consul.request('GET', '/v1/kv/config/?recurse')).text.length);
  const keys = [...c.keys()].map((k) => 'config/' + k);
  await t('txn gets 64', async () => { for (let i = 0; i < keys.length; i += 64) await staging.consul.transaction(keys.slice(i, i + 64).map((key) => ({ verb: 'get', key }))); });
  await t('raw gets', async () => { for (let i = 0; i < keys.length; i += 50) await Promise.all(keys.slice(i, i + 50).map((key) => staging.consul.request('GET', `/v1/kv/${key}?raw`))); });
  await staging.zookeeper.create('/config');
  await t('znodes', () => writeZnodes(staging, 'create', '/config', c));
  await t('listz', () => znodesBelow(staging, '/config'));
  await staging.dispose();
  expect(1).toBe(1);
});

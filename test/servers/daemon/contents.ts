import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { DaemonProcess, MappingAnswer } from '../../kit/daemon/daemon-process.js';
import type { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

const KIB = 1024;
/** Consul's `kv_max_value_size`. */
export const CONSUL_VALUE_BYTES_MAX = 512 * KIB;
/** A Consul transaction is 512 KiB of JSON at most, with its values in base64. */
const TRANSACTION_VALUE_BYTES_MAX = 350 * KIB;
const TRANSACTION_OPERATIONS_MAX = 64;
const MULTI_VALUE_BYTES_MAX = 700 * KIB;
const MULTI_OPERATIONS_MAX = 500;
const READS_IN_FLIGHT = 200;

/** What one side holds, or is to hold: values by key, relative to the mapping. */
export type Contents = ReadonlyMap<string, Buffer>;

/** `count` random values of sizes from nothing to `bytesMax`, spread evenly over the orders of magnitude. */
export function randomContents(count: number, bytesMax: number, prefix: string): Contents {
  return new Map(
    Array.from({ length: count }, (_, number) => {
      const bytes = number === 0 ? 0 : Math.round(bytesMax ** (number / (count - 1)));
      return [`${prefix}${number}`, randomBytes(bytes)];
    }),
  );
}

/** Creates or sets znodes below `root`, whose parents are there, in multis as large as may be. */
export async function writeZnodes(
  { zookeeper }: Staging,
  kind: 'create' | 'set',
  root: string,
  contents: Contents,
): Promise<void> {
  for (const some of packed(contents, MULTI_OPERATIONS_MAX, MULTI_VALUE_BYTES_MAX)) {
    await zookeeper.multi(some.map(([key, data]) => ({ kind, path: `${root}/${key}`, data })));
  }
}

/** Sets keys below `prefix` in transactions as large as may be, and what is too large for these one by one. */
export async function writeKeys({ consul }: Staging, prefix: string, contents: Contents): Promise<void> {
  const large = [...contents].filter(([, value]) => value.length > TRANSACTION_VALUE_BYTES_MAX);
  const small = new Map([...contents].filter(([, value]) => value.length <= TRANSACTION_VALUE_BYTES_MAX));
  for (const [key, value] of large) await consul.putWhole(`${prefix}${key}`, value);
  for (const some of packed(small, TRANSACTION_OPERATIONS_MAX, TRANSACTION_VALUE_BYTES_MAX)) {
    const operations = some.map(([key, value]) => ({ verb: 'set', key: `${prefix}${key}`, value }));
    const { status, errors } = await consul.transaction(operations);
    if (status !== 200) throw new Error(`${some.length} keys: ${status} ${JSON.stringify(errors)}`);
  }
}

/** All znodes directly below `root`. */
export async function znodesBelow({ zookeeper }: Staging, root: string): Promise<Contents> {
  const found = new Map<string, Buffer>();
  const names = await zookeeper.children(root);
  for (let from = 0; from < names.length; from += READS_IN_FLIGHT) {
    const some = names.slice(from, from + READS_IN_FLIGHT);
    const nodes = await Promise.all(some.map((name) => zookeeper.get(`${root}/${name}`)));
    nodes.forEach((node, index) => {
      if (node !== undefined) found.set(some[index] ?? '', node.data ?? Buffer.alloc(0));
    });
  }
  return found;
}

export async function keysBelow({ consul }: Staging, prefix: string): Promise<Contents> {
  const entries = await consul.list(prefix);
  return new Map(entries.map(({ key, value }) => [key.slice(prefix.length), value]));
}

/** Equal to the last byte; a failure names the keys, and no values. */
export function expectSameContents(found: Contents, wanted: Contents): void {
  expect(fingerprints(found)).toEqual(fingerprints(wanted));
}

/** Waits until one side holds exactly what it should. */
export async function waitForContents(read: () => Promise<Contents>, wanted: Contents): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    expectSameContents(await read(), wanted);
    return true;
  };
  await waitUntil(`exactly ${wanted.size} entries as they should be`, isThere, { timeoutMs: 60_000 });
}

/**
 * Waits until both ledgers have followed what clients wrote, which takes them about a second. Until then a store that
 * breaks off may have lost these writes, and what is missing in it afterwards is not taken for deleted without a trace.
 */
export async function ledgersFollowed({ zookeeper, consul }: Staging, mapping = 'config'): Promise<void> {
  const place = `zk-consul-sync/default/${mapping}`;
  const isBehind = async (): Promise<string | undefined> => {
    const znodes = await Promise.all(
      (await zookeeper.children(`/${mapping}`)).map((name) => zookeeper.get(`/${mapping}/${name}`)),
    );
    const newestZxid = znodes.reduce((newest, znode) => max(newest, znode?.stat.mzxid ?? 0n), 0n);
    const keys = await consul.list(`${mapping}/`);
    const newestIndex = keys.reduce((newest, { modifyIndex }) => max(newest, modifyIndex), 0n);
    const [znode, key] = [await zookeeper.get(`/${place}`), await consul.get(place)];
    if ((znode?.stat.mzxid ?? 0n) < newestZxid) return 'ZooKeeper';
    return (key?.modifyIndex ?? 0n) < newestIndex ? 'Consul' : undefined;
  };
  await waitUntil('both ledgers to have followed', async () => (await isBehind()) === undefined);
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** Waits until the mapping is in sync with exactly so many entries. */
export async function inSyncWith(
  daemon: DaemonProcess,
  entries: number,
  { mapping = 'config', timeoutMs = 60_000 } = {},
): Promise<MappingAnswer> {
  return waitUntil(
    `mapping ${mapping} to be in sync with ${entries} entries`,
    async () => {
      const status = await daemon.mapping(mapping);
      if (!status.inSync || status.entries !== entries) throw new Error(`it says ${JSON.stringify(status)}`);
      return status;
    },
    { timeoutMs },
  );
}

function fingerprints(contents: Contents): Record<string, string> {
  const lines = [...contents].map(([key, value]) => {
    const digest = createHash('sha256').update(value).digest('hex').slice(0, 16);
    return [key, `${value.length} bytes, ${digest}`] as const;
  });
  return Object.fromEntries(lines.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Cuts contents into batches of at most so many operations and value bytes. */
function packed(contents: Contents, operationsMax: number, bytesMax: number): [string, Buffer][][] {
  const batches: [string, Buffer][][] = [];
  let bytes = Infinity;
  for (const [key, value] of contents) {
    const last = batches.at(-1);
    if (last === undefined || last.length >= operationsMax || bytes + value.length > bytesMax) {
      batches.push([[key, value]]);
      bytes = value.length;
    } else {
      last.push([key, value]);
      bytes += value.length;
    }
  }
  return batches;
}

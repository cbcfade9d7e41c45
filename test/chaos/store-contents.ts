import type { Key, PerStore, Value } from '../kit/history/history.js';
import { RawConsul } from '../kit/servers/raw-consul.js';
import { RawZooKeeper } from '../kit/servers/raw-zookeeper.js';
import type { ChaosStage, MappingPlace } from './chaos-stage.js';

export interface Contents {
  readonly values: PerStore<ReadonlyMap<Key, Value>>;
  /** The versions of all of it and of the ledgers, by the names that the stores have for them. */
  readonly versions: ReadonlyMap<string, string>;
  /** The entries that belong to sessions, by the names that the stores have for them. */
  readonly sessionBound: readonly string[];
}

const LEDGERS = 'zk-consul-sync/default';

/** Reads both stores from their leaders, past the daemons and what is between them and the stores. */
export async function readContents(stage: ChaosStage, mapping: MappingPlace): Promise<Contents> {
  const [zookeeperLeader, consulLeader] = [await stage.leader('zookeeper'), await stage.consul.leader()];
  if (zookeeperLeader === undefined || consulLeader === undefined) throw new Error('a store has no leader');
  const versions = new Map<string, string>();
  const sessionBound: string[] = [];
  const connect = `127.0.0.1:${zookeeperLeader.port}`;
  const session = await RawZooKeeper.connect({ connect }, { reconnects: false });
  try {
    return {
      values: {
        zookeeper: await readZooKeeper(session, mapping, versions, sessionBound),
        consul: await readConsul(new RawConsul(consulLeader), mapping, versions, sessionBound),
      },
      versions,
      sessionBound,
    };
  } finally {
    await session.close();
  }
}

async function readZooKeeper(
  session: RawZooKeeper,
  { name, path }: MappingPlace,
  versions: Map<string, string>,
  sessionBound: string[],
): Promise<Map<Key, Value>> {
  const values = new Map<Key, Value>();
  const paths = [...(await session.listTree(path)), `/${LEDGERS}/${name}`];
  const znodes = await Promise.all(paths.map((each) => session.get(each)));
  znodes.forEach((znode, index) => {
    const at = paths[index] ?? '';
    if (znode === undefined) return;
    const { mzxid, pzxid, czxid, ephemeralOwner } = znode.stat;
    if (ephemeralOwner !== 0n) sessionBound.push(at);
    versions.set(at, `mzxid ${mzxid}, pzxid ${pzxid}, czxid ${czxid}`);
    if (at.startsWith(`${path}/`)) values.set(at.slice(path.length + 1), String(znode.data ?? ''));
  });
  return values;
}

async function readConsul(
  consul: RawConsul,
  { name, prefix }: MappingPlace,
  versions: Map<string, string>,
  sessionBound: string[],
): Promise<Map<Key, Value>> {
  const values = new Map<Key, Value>();
  for (const { key, value, modifyIndex, session } of await consul.list(prefix)) {
    values.set(key.slice(prefix.length), value.toString());
    versions.set(key, String(modifyIndex));
    if (session !== undefined) sessionBound.push(key);
  }
  const ledger = await consul.get(`${LEDGERS}/${name}`);
  versions.set(`${LEDGERS}/${name}`, String(ledger?.modifyIndex));
  return values;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerSighting, StoreName } from '../kit/history/history.js';
import { RawConsul } from '../kit/servers/raw-consul.js';
import { RawZooKeeper } from '../kit/servers/raw-zookeeper.js';
import type { ChaosStage, MappingPlace } from './chaos-stage.js';

const INTERVAL_MS = 100;
const AFTER_ERROR_MS = 500;

interface LedgerReader {
  read(mapping: MappingPlace): Promise<{ content: string; version: bigint } | undefined>;
  close(): Promise<void>;
}

/** Looks at the ledgers in both stores again and again, and keeps every version that it sees. */
export class LedgerWatch {
  readonly #seen = new Map<string, Map<bigint, LedgerSighting>>();

  constructor(private readonly stage: ChaosStage) {}

  async run(signal: AbortSignal): Promise<void> {
    const { zookeeper, consul, mappings } = this.stage;
    const connect = zookeeper.map((server) => server.connect).join(',');
    await Promise.all([
      this.#watch('zookeeper', () => openZooKeeper(connect), mappings, signal),
      ...consul.servers.map((server) => this.#watch('consul', () => openConsul(server), mappings, signal)),
    ]);
  }

  /** What was seen of a mapping's ledgers. */
  of(mapping: string): readonly LedgerSighting[] {
    return [...(this.#seen.get(mapping)?.values() ?? [])];
  }

  async #watch(
    store: StoreName,
    open: () => Promise<LedgerReader>,
    mappings: readonly MappingPlace[],
    signal: AbortSignal,
  ): Promise<void> {
    let reader: LedgerReader | undefined;
    while (!signal.aborted) {
      let restMs = INTERVAL_MS;
      try {
        reader ??= await open();
        for (const mapping of mappings) this.#note(mapping.name, store, await reader.read(mapping));
      } catch {
        await reader?.close();
        reader = undefined;
        restMs = AFTER_ERROR_MS;
      }
      await sleep(restMs);
    }
    await reader?.close();
  }

  #note(
    mapping: string,
    store: StoreName,
    found: { readonly content: string; readonly version: bigint } | undefined,
  ): void {
    if (found === undefined) return;
    const { writer, generation } = JSON.parse(found.content) as { writer: string; generation: number };
    const sightings = this.#seen.get(mapping) ?? new Map<bigint, LedgerSighting>();
    this.#seen.set(mapping, sightings);
    // Both stores' numbers in one map: apart by the sign.
    const id = store === 'zookeeper' ? found.version : -found.version;
    sightings.set(id, { store, version: found.version, writer, generation });
  }
}

async function openZooKeeper(connect: string): Promise<LedgerReader> {
  const session = await RawZooKeeper.connect({ connect }, { reconnects: false });
  return {
    read: async ({ name }) => {
      const znode = await session.get(`/zk-consul-sync/default/${name}`);
      return znode && { content: String(znode.data ?? ''), version: znode.stat.mzxid };
    },
    close: async () => session.abandon(),
  };
}

async function openConsul(server: { readonly address: string }): Promise<LedgerReader> {
  const agent = new RawConsul(server);
  return {
    read: async ({ name }) => {
      const entry = await agent.get(`zk-consul-sync/default/${name}`);
      return entry && { content: entry.value.toString(), version: entry.modifyIndex };
    },
    close: async () => undefined,
  };
}

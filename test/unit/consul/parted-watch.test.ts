import { describe, expect, it } from 'vitest';
import { AskablePrefixes } from '../../../src/consul/askable-prefixes.js';
import { TransportFailure } from '../../../src/consul/client-seam.js';
import type { HttpAnswer, HttpRequest, HttpTransport } from '../../../src/consul/client-seam.js';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import { KeySpace } from '../../../src/consul/kv-keys.js';
import { LookTurns } from '../../../src/consul/look-turns.js';
import type { LookLine } from '../../../src/consul/look-turns.js';
import { PartedWatch } from '../../../src/consul/parted-watch.js';
import { PrefixIndex } from '../../../src/consul/prefix-watch.js';
import { ValueSizes } from '../../../src/consul/value-sizes.js';
import type { HintListener } from '../../../src/ports/replica.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';

const LISTED_AT = 10;

/** Answers lists of names and entries as Consul does, blocking ones when something below their prefix has changed. */
class BlockingKeyValues implements HttpTransport {
  /** Lists that were answered at once. */
  readonly listed: string[] = [];
  /** A prefix whose blocking queries are not answered as long as it is named here. */
  silentOn: string | undefined;
  private readonly versions = new Map<string, number>();
  private readonly waiting = new Set<() => void>();
  private index = LISTED_AT;

  constructor(...keys: readonly string[]) {
    for (const key of keys) this.versions.set(key, LISTED_AT);
  }

  change(key: string): void {
    this.versions.set(key, ++this.index);
    this.answer();
  }

  answer(): void {
    for (const wake of [...this.waiting]) wake();
  }

  async send({ path }: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const [where = '', query = ''] = path.replace('/v1/kv/', '').split('?');
    const prefix = decodeURIComponent(where);
    const known = /index=(\d+)/.exec(query)?.[1];
    if (known === undefined) this.listed.push(prefix);
    else await this.risen(prefix, Number(known), signal);
    const below = [...this.versions].filter(([key]) => key.startsWith(prefix)).sort();
    const names = new Set(below.map(([key]) => rolledUp(key, prefix)));
    const body = query.includes('recurse') ? below.map(entryOf) : [...names];
    const headers = { 'x-consul-index': String(this.indexOf(prefix)) };
    return { status: 200, headers, body: Buffer.from(JSON.stringify(body)) };
  }

  close(): void {
    // Nothing is open.
  }

  private indexOf(prefix: string): number {
    const below = [...this.versions].filter(([key]) => key.startsWith(prefix));
    return Math.max(...below.map(([, version]) => version));
  }

  private risen(prefix: string, index: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.indexOf(prefix) > index && prefix !== this.silentOn) end(resolve);
      };
      const abort = (): void =>
        end(() => reject(new TransportFailure('aborted', true, false, signal.reason)));
      const end = (how: () => void): void => {
        this.waiting.delete(look);
        signal.removeEventListener('abort', abort);
        how();
      };
      this.waiting.add(look);
      signal.addEventListener('abort', abort, { once: true });
      look();
    });
  }
}

function rolledUp(key: string, prefix: string): string {
  const slash = key.indexOf('/', prefix.length);
  return slash === -1 ? key : key.slice(0, slash + 1);
}

function entryOf([Key, ModifyIndex]: readonly [string, number]): object {
  return { Key, Value: 'dg==', Flags: 0, LockIndex: 0, CreateIndex: LISTED_AT, ModifyIndex };
}

/** A watch of two parts, and what it has told. */
async function watchTwoParts() {
  const clock = new SimClock();
  const store = new BlockingKeyValues('config/a/1', 'config/a/2', 'config/b/1', 'config/b/2');
  const client = new ConsulClient({ address: new URL('http://consul:8500'), transport: store });
  const turns = new LookTurns(clock).newLine();
  const watch = new PartedWatch({
    ...{ client, clock, turns, random: new SeededRandom(1), sizes: new ValueSizes() },
    keys: new KeySpace('config/', 'zk-consul-sync/'),
    index: new PrefixIndex(client, 'config/'),
    askable: new AskablePrefixes(),
    groupKeysMax: () => 64,
    onWatch: () => undefined,
  });
  const told: string[] = [];
  const listener: HintListener = {
    changed: () => told.push('changed'),
    stirred: (within) => told.push(`stirred ${within ?? 'all'}`),
    saw: ({ within }) => told.push(`saw ${within}`),
    rescan: (reason) => told.push(`rescan ${reason}`),
    lost: (why) => told.push(`lost: ${why}`),
  };
  const stop = new AbortController();
  const ended = watch.run(listener, stop.signal);
  await clock.advance(0);
  watch.follow({ parts: ['config/a/', 'config/b/'], listedAt: BigInt(LISTED_AT) });
  await clock.advance(0);
  const end = async (): Promise<void> => {
    stop.abort();
    await clock.advance(0);
    await ended;
  };
  return { clock, store, turns, told, end };
}

const NEVER = new AbortController().signal;

/** Takes all turns there are. @returns how to give them back */
function occupy(turns: LookLine): () => void {
  const ends: (() => void)[] = [];
  const hold = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
  for (let look = 0; look < 4; look++) void turns.take(hold, NEVER);
  return () => ends.forEach((end) => end());
}

describe('a watch of which something has changed that no part has told of', () => {
  it('L3: walks the part that is behind what can be seen there, since its query is never answered', async () => {
    const { clock, store, told, end } = await watchTwoParts();
    store.silentOn = 'config/a/';
    store.change('config/a/1');
    store.listed.length = 0;
    await clock.advance(10_000);
    expect(store.listed).toEqual(expect.arrayContaining(['config/a/', 'config/b/']));
    expect(told).toContain('stirred a/');
    expect(told).not.toContain('stirred b/');
    await end();
  });

  it('leaves a part alone that has its answer, and waits for its turn to look', async () => {
    const { clock, store, turns, told, end } = await watchTwoParts();
    const release = occupy(turns);
    store.change('config/a/1');
    store.listed.length = 0;
    await clock.advance(10_000);
    expect(store.listed).toContain('config/b/');
    expect(store.listed).not.toContain('config/a/');
    release();
    await clock.advance(1_000);
    expect(told).toContain('saw a/');
    expect(told.filter((hint) => hint.startsWith('stirred'))).toEqual([]);
    await end();
  });

  it.each([
    { since: 'has told of it', isOccupied: false },
    { since: 'waits for its turn to look', isOccupied: true },
  ])(
    'leaves a part alone whose answer comes while it is expected, and that $since',
    async ({ isOccupied }) => {
      const { clock, store, turns, told, end } = await watchTwoParts();
      const release = isOccupied ? occupy(turns) : undefined;
      store.silentOn = 'config/a/';
      store.change('config/a/1');
      await clock.advance(3_000);
      store.silentOn = undefined;
      store.answer();
      await clock.advance(10_000);
      release?.();
      await clock.advance(1_000);
      expect(told).toContain('saw a/');
      expect(told.filter((hint) => hint.startsWith('stirred'))).toEqual([]);
      await end();
    },
  );
});

import { describe, expect, it } from 'vitest';
import { AskablePrefixes } from '../../../src/consul/askable-prefixes.js';
import type { HttpAnswer, HttpRequest, HttpTransport } from '../../../src/consul/client-seam.js';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import { LookTurns } from '../../../src/consul/look-turns.js';
import { ValueSizes } from '../../../src/consul/value-sizes.js';
import { WatchedPart } from '../../../src/consul/watched-part.js';
import type { PartAnswer } from '../../../src/consul/watched-part.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';

const NEVER = new AbortController().signal;
const PART = 'config/';
const FOLDERS = 8;
const KEYS = 40;

/** Keys with their versions, listed as Consul lists them; a blocking query is answered at once. */
class KeyValues implements HttpTransport {
  readonly asked: string[] = [];
  private readonly versions = new Map<string, number>();
  private index = 10;

  constructor(quietKeys: number) {
    for (let number = 0; number < quietKeys; number++)
      this.versions.set(`${PART}quiet/${number}`, this.index);
    for (let folder = 0; folder < FOLDERS; folder++)
      for (let number = 0; number < KEYS; number++) this.versions.set(keyOf(folder, number), this.index);
  }

  /** As it was in the beginning. */
  restore(): void {
    this.index = 10;
    for (const key of this.versions.keys()) this.versions.set(key, this.index);
  }

  change(...keys: readonly string[]): void {
    this.index++;
    for (const key of keys) this.versions.set(key, this.index);
  }

  send({ path }: HttpRequest): Promise<HttpAnswer> {
    const [where = '', query = ''] = path.replace('/v1/kv/', '').split('?');
    const prefix = decodeURIComponent(where);
    this.asked.push(`${prefix} ${query.includes('recurse') ? 'entries' : 'names'}`);
    const below = [...this.versions].filter(([key]) => key.startsWith(prefix)).sort();
    const newest = Math.max(...below.map(([, version]) => version));
    const names = new Set(below.map(([key]) => rolledUp(key, prefix)));
    const listed = query.includes('recurse') ? below.map(entryOf) : [...names];
    const headers = { 'x-consul-index': String(newest) };
    return Promise.resolve({ status: 200, headers, body: Buffer.from(JSON.stringify(listed)) });
  }

  close(): void {
    // Nothing is open.
  }
}

function keyOf(folder: number, number: number): string {
  return `${PART}${folder}/${String(number).padStart(2, '0')}`;
}

function rolledUp(key: string, prefix: string): string {
  const slash = key.indexOf('/', prefix.length);
  return slash === -1 ? key : key.slice(0, slash + 1);
}

function entryOf([Key, ModifyIndex]: readonly [string, number]): object {
  return { Key, Value: 'dg==', Flags: 0, LockIndex: 0, CreateIndex: 10, ModifyIndex };
}

class Watching {
  readonly store: KeyValues;
  readonly clock = new SimClock();
  readonly turns = new LookTurns(this.clock).newLine();
  readonly sizes = new ValueSizes();
  private readonly part: WatchedPart;
  private index = 10n;

  /** @param quietKeys so many that never change, in a folder of their own */
  constructor({ quietKeys = 0 } = {}) {
    this.store = new KeyValues(quietKeys);
    const client = new ConsulClient({ address: new URL('http://consul:8500'), transport: this.store });
    this.part = new WatchedPart(PART, {
      client,
      clock: this.clock,
      turns: this.turns,
      sizes: this.sizes,
      askable: new AskablePrefixes(),
      groupKeysMax: () => 64,
    });
  }

  /** Asks the part's query, and looks. @param meanwhile happens while the look waits for its turn */
  async look(meanwhile?: () => void): Promise<PartAnswer> {
    const ends: (() => void)[] = [];
    const isOccupied = meanwhile !== undefined;
    const hold = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
    const others = isOccupied ? [1, 2, 3, 4].map(() => this.turns.take(hold, NEVER)) : [];
    this.store.asked.length = 0;
    const asked = this.part.ask(this.index, 1_000, NEVER);
    await settled();
    meanwhile?.();
    for (const end of ends) end();
    await Promise.all(others);
    await this.clock.advance(0);
    const answer = await asked;
    this.index = answer.index;
    return answer;
  }

  get isLooking(): boolean {
    return this.part.isLooking;
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

function changed({ seen }: PartAnswer, since: bigint): string[] {
  const entries = seen?.entries ?? [];
  return entries.filter(([, version]) => (version?.modified ?? 0n) > since).map(([key]) => key);
}

const everywhere = Array.from({ length: FOLDERS }, (_, folder) => [
  keyOf(folder, 1),
  keyOf(folder, 2),
]).flat();

describe('the look into a part that has changed', () => {
  it('goes down to the few entries among which something has', async () => {
    const watching = new Watching();
    watching.store.change(keyOf(3, 7));
    const answer = await watching.look();
    expect(changed(answer, 10n)).toEqual([keyOf(3, 7)]);
    expect(watching.store.asked.filter((asked) => asked.endsWith('entries'))).toEqual(['config/3/ entries']);
    expect(answer.index).toBe(11n);
  });

  it('L1: finds what has changed while it waited for its turn as well, and need not look for it again', async () => {
    const watching = new Watching();
    watching.store.change(keyOf(3, 7));
    const answer = await watching.look(() => {
      expect(watching.isLooking).toBe(true);
      watching.store.change(keyOf(5, 1));
    });
    expect(changed(answer, 10n)).toEqual([keyOf(3, 7), keyOf(5, 1)]);
    expect(answer.index).toBe(12n);
    expect(watching.isLooking).toBe(false);
  });

  it('takes one list for all while much changes and others wait, and goes down again once little does', async () => {
    const watching = new Watching();
    const { store } = watching;
    store.change(...everywhere);
    const wasAsked = async (...keys: readonly string[]): Promise<readonly string[]> => {
      await watching.look(() => store.change(...keys));
      return [...store.asked];
    };
    const descent = await wasAsked(...everywhere);
    expect(descent.filter((asked) => asked.endsWith('entries')).length).toBe(FOLDERS);
    store.change(...everywhere);
    expect(await wasAsked(keyOf(0, 0))).toEqual(['config/ names', 'config/ entries']);
    store.change(keyOf(2, 2));
    // As much as before is expected once more, and not found.
    expect(await wasAsked(keyOf(2, 3))).toEqual(['config/ names', 'config/ entries']);
    store.change(keyOf(2, 2));
    const small = await wasAsked(keyOf(2, 3));
    expect(small.filter((asked) => asked.endsWith('entries'))).toEqual(['config/2/ entries']);
  });

  it('leaves out nothing by listing all at once, whatever changes meanwhile', async () => {
    const watching = new Watching();
    for (let time = 0; time < 4; time++) {
      const since = BigInt(10 + 2 * time);
      watching.store.change(...everywhere);
      const answer = await watching.look(() => watching.store.change(keyOf(time, 30)));
      expect(new Set(changed(answer, since))).toEqual(new Set([...everywhere, keyOf(time, 30)]));
      expect(answer.seen?.except).toEqual([]);
    }
  });

  it('S9: does not list a part whole that holds more than is worth it, however much changes in the rest of it', async () => {
    const watching = new Watching({ quietKeys: 2_100 });
    for (let time = 0; time < 3; time++) {
      watching.store.change(...everywhere);
      await watching.look(() => watching.store.change(keyOf(0, 0)));
      expect(watching.store.asked).not.toContain('config/ entries');
    }
  });

  it('S9: lists no part whole any more once its values have become large, however much changes in it', async () => {
    const watching = new Watching();
    watching.store.change(...everywhere);
    await watching.look();
    watching.sizes.tooLarge(1, 1_000_000);
    watching.store.change(...everywhere);
    const answer = await watching.look(() => watching.store.change(keyOf(0, 0)));
    expect(watching.store.asked.filter((asked) => asked.endsWith('entries'))).toEqual([]);
    expect(answer.stirred).toEqual(Array.from({ length: FOLDERS }, (_, folder) => `${PART}${folder}/`));
  });

  it('S6: has all of a part walked where its query was answered by a store that was restored, whatever came since', async () => {
    const watching = new Watching();
    watching.store.change(...everywhere);
    await watching.look();
    watching.store.restore();
    const answer = await watching.look(() => {
      for (let time = 0; time < 5; time++) watching.store.change(keyOf(3, 7));
    });
    expect(answer.seen).toBeUndefined();
    expect(answer.stirred).toEqual([PART]);
  });

  it('S6: has all of a part walked where the store was restored while it waited', async () => {
    const watching = new Watching();
    watching.store.change(...everywhere);
    await watching.look();
    watching.store.change(keyOf(3, 7));
    const answer = await watching.look(() => watching.store.restore());
    expect(answer.seen).toBeUndefined();
    expect(answer.stirred).toEqual([PART]);
    expect(answer.index).toBe(10n);
  });
});

import type { ClientWrite, Key, StoreName, Value } from '../kit/history/history.js';

/** How a request went, as its client can tell. */
export type WriteResult =
  /** `replaced`: what the write took the place of turned out to be something else than what was found. */
  | { readonly outcome: 'acknowledged'; readonly number?: bigint; readonly replaced?: 'another incarnation' }
  /** The store itself said that nothing was done. */
  | { readonly outcome: 'refused' }
  | { readonly outcome: 'unknown' };

export type Attempt = Pick<ClientWrite, 'store' | 'key' | 'value'> & {
  /** What was found before, which the write has as its condition. */
  readonly replaced: { readonly value: Value | undefined };
};

/** Writes down what clients do, on one clock, and makes values that are never written twice. */
export class ClientWrites {
  readonly #writes = new Map<string, ClientWrite[]>();
  readonly #startedMs = performance.now();
  #values = 0;

  nowMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** @param bytes how long it is at least */
  newValue(store: StoreName, bytes: number): Value {
    return `${store} ${String(++this.#values)} `.padEnd(bytes, '.');
  }

  of(mapping: string): readonly ClientWrite[] {
    return this.#writes.get(mapping) ?? [];
  }

  /** A write of which nobody will ever say what has become of it. */
  note(mapping: string, attempt: Pick<ClientWrite, 'store' | 'key' | 'value'>): void {
    this.#add(mapping, { ...attempt, invokedMs: this.nowMs(), endedMs: Infinity, outcome: 'unknown' });
  }

  async record(mapping: string, attempt: Attempt, write: () => Promise<WriteResult>): Promise<WriteResult> {
    const invokedMs = this.nowMs();
    const result = await write();
    const { outcome } = result;
    const endedMs = outcome === 'unknown' ? Infinity : this.nowMs();
    const { store, key, value } = attempt;
    const isVouchedFor = !(outcome === 'acknowledged' && result.replaced !== undefined);
    this.#add(mapping, {
      ...{ store, key, value, outcome, invokedMs, endedMs },
      ...(outcome === 'acknowledged' && result.number !== undefined && { number: result.number }),
      ...(isVouchedFor && { replaced: attempt.replaced }),
    });
    return result;
  }

  #add(mapping: string, write: ClientWrite): void {
    const writes = this.#writes.get(mapping) ?? [];
    if (writes.length === 0) this.#writes.set(mapping, writes);
    writes.push(write);
  }
}

/** The keys that clients care for: a few hot ones, parents that are entries too, and a long tail. */
export function chooseKey(random: {
  below(count: number): number;
  chance(probability: number): boolean;
}): Key {
  if (random.chance(0.45)) return `hot/${random.below(8)}`;
  if (random.chance(0.45)) return FAMILY[random.below(FAMILY.length)] ?? 'tree';
  return `tail/${random.below(12)}/${random.below(25)}`;
}

const FAMILY: readonly Key[] = ['tree', 'tree/a', 'tree/a/b', 'tree/a/b/c', 'tree/a/d', 'tree/e', 'tree/e/f'];

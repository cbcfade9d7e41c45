import type { Pair } from '../../../src/core/pair.js';
import type { MappingArchive } from '../../../src/ports/archive.js';
import type { Clock } from '../../../src/ports/clock.js';
import type { HintListener, Replica } from '../../../src/ports/replica.js';

/**
 * A process that can be killed wherever it waits. What it would have done next it never does: no answer comes, no sleep
 * ends, no hint arrives, and nothing it may still say is heard.
 */
export class MortalProcess {
  readonly #death = new AbortController();
  #touches = 0;
  #diesAt = Infinity;
  #beforeDeath: () => void = () => undefined;

  /** Aborts when it dies; for what serves it outside. */
  get death(): AbortSignal {
    return this.#death.signal;
  }

  get isDead(): boolean {
    return this.#death.signal.aborted;
  }

  /** How often it has met the world: a request sent, an answer received, a commit begun or ended, a sleep ended. */
  get touches(): number {
    return this.#touches;
  }

  kill(): void {
    this.#death.abort();
  }

  /** It dies when it has met the world so many more times; `before` is called right then. */
  killAfter(touches: number, before: () => void): void {
    this.#diesAt = this.#touches + touches;
    this.#beforeDeath = before;
  }

  /** Something that it asks of the world. */
  around<T>(work: () => Promise<T>): Promise<T> {
    return this.#call(work);
  }

  clock(clock: Clock, aheadMs: () => number): Clock {
    return {
      nowMs: () => clock.nowMs() + aheadMs(),
      monotonicMs: () => clock.monotonicMs(),
      sleep: async (ms, signal) => {
        await clock.sleep(ms, signal);
        await this.#touch();
      },
    };
  }

  archive(archive: MappingArchive): MappingArchive {
    return {
      state: () => archive.state(),
      record: (key) => archive.record(key),
      recordsAfter: (key, limit) => archive.recordsAfter(key, limit),
      counts: () => archive.counts(),
      mark: (key) => archive.mark(key),
      marksAfter: (key, limit) => archive.marksAfter(key, limit),
      markCounts: () => archive.markCounts(),
      conflicts: (options) => archive.conflicts(options),
      conflict: (id) => archive.conflict(id),
      conflictCounts: () => archive.conflictCounts(),
      trash: (wanted) => archive.trash(wanted),
      trashed: (id) => archive.trashed(id),
      lastTrashOf: (key) => archive.lastTrashOf(key),
      order: (key) => archive.order(key),
      clientChanges: (sinceHour) => archive.clientChanges(sinceHour),
      commit: (changes) => this.#call(() => archive.commit(changes)),
      reset: (next) => this.#call(() => archive.reset(next)),
    };
  }

  replicas({ left, right }: Pair<Replica>): Pair<Replica> {
    return { left: this.#replica(left), right: this.#replica(right) };
  }

  #replica(replica: Replica): Replica {
    const { death } = this;
    return {
      limits: replica.limits,
      watch: (listener, signal) => replica.watch(this.#listener(listener), AbortSignal.any([signal, death])),
      scan: (known, signal, within) => this.#pages(replica.scan(known, signal, within)),
      listKeys: (signal) => this.#pages(replica.listKeys(signal)),
      position: (signal) => this.#call(() => replica.position(signal)),
      read: (keys, signal) => this.#call(() => replica.read(keys, signal)),
      glance: (keys, signal) => this.#call(() => replica.glance(keys, signal)),
      proveAbsent: (keys, signal) => this.#call(() => replica.proveAbsent(keys, signal)),
      accessOf: (keys, signal) => this.#call(() => replica.accessOf(keys, signal)),
      write: (batch, signal) => this.#call(() => replica.write(batch, signal)),
      readLedger: (signal) => this.#call(() => replica.readLedger(signal)),
      listLedgers: (signal) => this.#call(() => replica.listLedgers(signal)),
    };
  }

  #listener(listener: HintListener): HintListener {
    const unlessDead = (tell: () => void): void => {
      if (!this.isDead) tell();
    };
    return {
      changed: (keys) => unlessDead(() => listener.changed(keys)),
      saw: (view) => unlessDead(() => listener.saw(view)),
      stirred: (within) => unlessDead(() => listener.stirred(within)),
      rescan: (reason) => unlessDead(() => listener.rescan(reason)),
      lost: (why) => unlessDead(() => listener.lost(why)),
    };
  }

  async *#pages<T>(pages: AsyncIterable<T>): AsyncGenerator<T> {
    await this.#touch();
    for await (const page of pages) {
      await this.#touch();
      yield page;
    }
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    await this.#touch();
    try {
      return await work();
    } finally {
      // Also a failure is only known to who lives to see it.
      await this.#touch();
    }
  }

  /** Never resolves for the dead. */
  #touch(): Promise<void> | undefined {
    if (!this.isDead && ++this.#touches >= this.#diesAt) {
      this.#beforeDeath();
      this.kill();
    }
    // One of its own for each, so that what waits can be forgotten.
    return this.isDead ? new Promise(() => undefined) : undefined;
  }
}

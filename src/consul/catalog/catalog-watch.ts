import type { Clock, Random } from '../../ports/clock.js';
import type { HintListener } from '../../ports/replica.js';
import { followIndex } from '../blocking-query.js';
import type { BlockingAnswer, BlockingQuery } from '../blocking-query.js';
import { faultOf } from '../consul-client.js';
import { inOrderAhead } from '../in-order-ahead.js';
import { sleepUntilWoken } from '../sleep-until-woken.js';
import type { CatalogContext } from './catalog-reads.js';
import { wantedNames } from './catalog-scan.js';

export interface CatalogWatchOptions {
  readonly context: CatalogContext;
  readonly clock: Clock;
  readonly random: Random;
}

const LISTS = ['services', 'checks'] as const;
/** After a look it rests, and at least as long as that took: four requests a second for each service are the most it costs. */
const REST_MS_MIN = 250;
const QUESTIONS_AHEAD = 8;
const RETRY_MS = 1_000;

/**
 * Watches a catalog with two blocking queries, whatever the number of services: one wakes when a registration changes, one
 * when a check does. Then each service is asked for its index, and where that has moved, something stirred.
 */
export class CatalogWatch {
  /** The indexes of all services when they were last asked for; undefined before. */
  private known: ReadonlyMap<string, bigint> | undefined;
  /** Services that a walk has come upon since they were last asked for. */
  private walked = new Set<string>();
  private readonly lost = new Set<string>();
  private isDue = false;
  private hasStarted = false;
  private wake: () => void = () => undefined;

  constructor(private readonly options: CatalogWatchOptions) {}

  /** Tells `listener` until `signal` aborts; never throws. */
  async run(listener: HintListener, signal: AbortSignal): Promise<void> {
    const armed = new Set<string>();
    const { clock, random } = this.options;
    const follow = (list: (typeof LISTS)[number]): Promise<void> =>
      followIndex(
        this.query(list),
        {
          armed: () => {
            armed.add(list);
            this.lost.delete(list);
            // What changed before both were in place is covered by the rescan.
            if (armed.size < LISTS.length || this.lost.size > 0) return;
            this.known = undefined;
            this.surveySoon();
          },
          woken: () => this.surveySoon(),
          failed: (error, retryInMs) => {
            this.lost.add(list);
            listener.lost(`${faultOf(error)}; asked again in ${retryInMs} ms`);
          },
        },
        { clock, random },
        signal,
      );
    await Promise.all([...LISTS.map(follow), this.survey(listener, signal)]);
  }

  /**
   * A walk is about to tell of these services. One that came after its index was asked for, and is gone when it is asked
   * for again, would be missed by nobody else.
   */
  noteWalked(names: Iterable<string>): void {
    for (const name of names) this.walked.add(name);
  }

  private query(list: (typeof LISTS)[number]): BlockingQuery {
    const { client } = this.options.context;
    return {
      ask: async (index, waitMs, signal): Promise<BlockingAnswer> => ({
        index: await client.next(list, index, waitMs, signal),
        matters: true,
      }),
    };
  }

  private surveySoon(): void {
    this.isDue = true;
    this.wake();
  }

  private async survey(listener: HintListener, signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    while (!signal.aborted) {
      if (!this.isDue) {
        await sleepUntilWoken(clock, WAIT_MS, signal, (wake) => (this.wake = wake));
        continue;
      }
      this.isDue = false;
      const startedMs = clock.monotonicMs();
      const walkedBefore = this.walked;
      this.walked = new Set();
      try {
        const now = await this.indexes(signal);
        // What a walk told of meanwhile may have come since, and is looked at again the next time, too.
        this.compare(listener, now, [...walkedBefore, ...this.walked]);
        await clock.sleep(Math.max(REST_MS_MIN, clock.monotonicMs() - startedMs), signal);
      } catch (error) {
        if (signal.aborted) return;
        listener.lost(`${faultOf(error)}; asked again in ${RETRY_MS} ms`);
        this.known = undefined;
        this.isDue = true;
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  /** Indexes of all services that take part. */
  private async indexes(signal: AbortSignal): Promise<ReadonlyMap<string, bigint>> {
    const { context } = this.options;
    const names = wantedNames(context, await context.client.services(signal), '');
    const ask = async (name: string, askSignal: AbortSignal) =>
      [name, await context.client.indexOf(name, askSignal)] as const;
    const indexes = new Map<string, bigint>();
    for await (const [name, index] of inOrderAhead(names, QUESTIONS_AHEAD, ask, signal))
      indexes.set(name, index);
    return indexes;
  }

  private compare(listener: HintListener, now: ReadonlyMap<string, bigint>, walked: readonly string[]): void {
    const before = this.known;
    this.known = now;
    if (before === undefined) {
      listener.rescan(this.hasStarted ? 'reconnect' : 'start');
      this.hasStarted = true;
      return;
    }
    const { translation } = this.options.context;
    const cameAndWent = walked.filter((name) => !before.has(name) && !now.has(name));
    const known = [...before.keys(), ...now.keys()].filter((name) => before.get(name) !== now.get(name));
    for (const name of new Set([...cameAndWent, ...known])) listener.stirred(translation.prefixOf(name));
  }
}

/** The wait for a wake has an end like all others; nothing depends on it. */
const WAIT_MS = 60_000;

import type { Config } from '../config/schema.js';
import { MarkerKeys } from '../consul/marker-keys.js';
import { otherSide, pairOf, SIDES } from '../core/pair.js';
import type { Pair, Side } from '../core/pair.js';
import type { MarkerPlace } from '../ports/canary.js';
import type { CanaryStatus } from '../ports/status.js';
import { MarkerFlight } from '../sync/marker-flight.js';
import { MarkerNodes } from '../zookeeper/marker-nodes.js';
import { canaryHome, canaryMapping } from './canary-place.js';
import type { MappingSurroundings } from './mapping-context.js';
import { aclOf, SIDE_NAMES } from './mapping-context.js';
import { RunningMapping } from './running-mapping.js';
import { systemClock } from './system.js';
import { UNCOUNTED } from './uncounted.js';

/** What the sides are called in messages. */
const STORE_NAMES: Pair<string> = { left: 'ZooKeeper', right: 'Consul' };
/** How often it is looked whether something holds the canary, which no person is to be bothered with. */
const HEAL_EVERY_MS = 10_000;

export interface CanaryParts {
  readonly config: Config;
  readonly surroundings: MappingSurroundings;
  /** Whether every mapping is paused: then nothing at all is written. */
  readonly isPaused: () => boolean;
  readonly onArrival: (at: Side, seconds: number) => void;
}

/**
 * Writes markers in each store, and sees them arrive in the other one: through a mapping of its own, with the same
 * loop, the same connections and the same archive as all others.
 */
export class RunningCanary {
  private readonly mapping: RunningMapping;
  private readonly flights: Pair<MarkerFlight>;
  private readonly stopping = new AbortController();
  private readonly running: Promise<unknown>;

  constructor(private readonly parts: CanaryParts) {
    const { surroundings, config } = parts;
    const own = {
      ...surroundings,
      // A lost archive is no loss here, and nobody asks for a record of markers.
      config: { ...config, archive: { ...config.archive, onLoss: 'merge' as const } },
      audit: undefined,
      home: canaryHome(config),
    };
    const places = placesIn(own);
    this.flights = pairOf((side) => this.flight(side, places));
    this.mapping = new RunningMapping(canaryMapping(config), own, UNCOUNTED, (written) => {
      for (const { on } of written) this.flights[on].wake();
    });
    const { signal } = this.stopping;
    const flights = SIDES.map((side) => this.flights[side].run(signal));
    this.running = Promise.all([...flights, this.heal(signal)]);
  }

  status(): CanaryStatus {
    return {
      role: this.mapping.role,
      paused: this.parts.isPaused(),
      arrivals: pairOf((side) => this.flights[side].arrival),
    };
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all([this.running, this.mapping.stop()]);
  }

  private flight(at: Side, places: Pair<MarkerPlace>): MarkerFlight {
    const { surroundings, config, isPaused, onArrival } = this.parts;
    const from = otherSide(at);
    return new MarkerFlight({
      from: places[from],
      to: places[at],
      names: { from: STORE_NAMES[from], to: STORE_NAMES[at] },
      writer: surroundings.writer,
      everyMs: config.canary.everyMs,
      clock: systemClock,
      logger: surroundings.logger.child({ component: 'canary' }),
      isOn: () => this.mapping.role === 'active' && !isPaused(),
      problem: () => this.mapping.problem,
      onArrival: (seconds) => onArrival(at, seconds),
    });
  }

  /** Whatever was restored, wiped or deleted: the canary begins anew, where a mapping would wait for a person. */
  private async heal(signal: AbortSignal): Promise<void> {
    const { logger } = this.parts.surroundings;
    while (!signal.aborted) {
      await systemClock.sleep(HEAL_EVERY_MS, signal);
      if (signal.aborted || this.mapping.role !== 'active') continue;
      // Of two daemons that run as one, neither is to drive the other out.
      const hold = this.mapping.status().holds.find(({ reason }) => reason !== 'mapped-twice');
      if (hold === undefined) continue;
      logger.info({ component: 'canary', reason: hold.reason }, `canary: beginning anew: ${hold.detail}`);
      try {
        await this.mapping.beginAnew();
      } catch (error) {
        logger.debug({ component: 'canary', err: error }, 'canary: could not begin anew yet');
      }
    }
  }
}

function placesIn({ stores, config }: MappingSurroundings): Pair<MarkerPlace> {
  const { zookeeper, consul } = canaryMapping(config);
  const nameOf = (side: Side): string => `from-${SIDE_NAMES[side]}`;
  return {
    left: new MarkerNodes({
      session: stores.zookeeper,
      written: `${zookeeper}/${nameOf('left')}`,
      arriving: `${zookeeper}/${nameOf('right')}`,
      acl: aclOf(config),
    }),
    right: new MarkerKeys(stores.consul, {
      written: `${consul}/${nameOf('right')}`,
      arriving: `${consul}/${nameOf('left')}`,
    }),
  };
}

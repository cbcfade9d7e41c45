import { describe, expect, it } from 'vitest';
import { MarkerFlight } from '../../../src/sync/marker-flight.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { RecordingLogger } from '../admin/recording-logger.js';

const EVERY_MS = 5_000;

/** Two stores that hold one marker each, and what carries it over, or does not. */
class Flight {
  readonly clock = new SimClock();
  readonly logger = new RecordingLogger();
  readonly written: string[] = [];
  readonly lags: number[] = [];
  /** What the other store has. */
  arrived: string | undefined;
  /** How long a marker takes; undefined for ever. */
  delayMs: number | undefined = 20;
  refuses: Error | undefined;
  unreadable: Error | undefined;
  isOn = true;
  problem: string | undefined;
  /** Whether the loop tells of what it has written. */
  tells = true;
  reads = 0;
  private readonly stopping = new AbortController();
  readonly flight: MarkerFlight;
  private readonly running: Promise<void>;

  constructor(setUp: Partial<Pick<Flight, 'delayMs' | 'refuses' | 'isOn'>> = {}) {
    Object.assign(this, setUp);
    this.flight = new MarkerFlight({
      from: { write: (marker) => this.write(marker) },
      to: { read: () => this.read() },
      names: { from: 'here', to: 'there' },
      writer: 'me',
      everyMs: EVERY_MS,
      clock: this.clock,
      logger: this.logger,
      isOn: () => this.isOn,
      problem: () => this.problem,
      onArrival: (seconds) => this.lags.push(seconds),
    });
    this.running = this.flight.run(this.stopping.signal);
  }

  private async write(marker: string): Promise<void> {
    if (this.refuses !== undefined) throw this.refuses;
    this.written.push(marker);
    if (this.delayMs !== undefined) void this.carryOver(marker, this.delayMs);
    return Promise.resolve();
  }

  private async carryOver(marker: string, delayMs: number): Promise<void> {
    await this.clock.sleep(delayMs, this.stopping.signal);
    this.arrived = marker;
    if (this.tells) this.flight.wake();
  }

  private read(): Promise<string | undefined> {
    this.reads++;
    return this.unreadable === undefined ? Promise.resolve(this.arrived) : Promise.reject(this.unreadable);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.clock.settle();
  }
}

describe('markers from one store to the other', () => {
  it('are measured from being sent to being read there, one by one, and read once each', async () => {
    const flight = new Flight();
    await flight.clock.advance(4 * EVERY_MS - 1);
    expect(flight.lags).toEqual([0.02, 0.02, 0.02, 0.02]);
    expect(flight.written).toEqual(['me 1', 'me 2', 'me 3', 'me 4']);
    expect(flight.reads).toBe(4);
    expect(flight.flight.arrival).toMatchObject({ lagSeconds: 0.02, problem: undefined });
    await flight.stop();
  });

  it('are found within a second where nobody tells that they have come', async () => {
    const flight = new Flight();
    flight.tells = false;
    await flight.clock.advance(1_000);
    expect(flight.lags).toEqual([1]);
    await flight.stop();
  });

  it('are one at a time: the next is not sent before the one before has come', async () => {
    const flight = new Flight({ delayMs: 7_000 });
    await flight.clock.advance(8_000);
    expect(flight.written).toEqual(['me 1', 'me 2']);
    expect(flight.lags).toEqual([7]);
    await flight.stop();
  });

  it('are not those of another process, nor older ones of this', async () => {
    const flight = new Flight();
    await flight.clock.advance(100);
    flight.delayMs = undefined;
    for (const other of ['you 2', 'me', '', 'me 1']) {
      flight.arrived = other;
      await flight.clock.advance(10_000);
    }
    expect(flight.lags).toEqual([0.02]);
    await flight.stop();
  });

  it('are called late after 30 s more than the time between two, once in the log, and sent again meanwhile', async () => {
    const flight = new Flight();
    await flight.clock.advance(100);
    flight.delayMs = undefined;
    await flight.clock.advance(35_000 - 100);
    expect(flight.flight.arrival.problem).toBeUndefined();
    await flight.clock.advance(1_100);
    const { problem = '', ageSeconds } = flight.flight.arrival;
    expect(problem).toBe(
      'no marker has arrived in there since 2030-01-01T00:00:00.020Z: what was written to here is not there yet',
    );
    expect(ageSeconds).toBeCloseTo(36, 0);
    await flight.clock.advance(60_000);
    // The second at 5 s, and again each 10 s.
    expect(flight.written).toEqual(Array.from({ length: 11 }, (_, sent) => `me ${sent + 1}`));
    flight.arrived = 'me 3';
    await flight.clock.advance(1_000);
    expect(flight.flight.arrival.problem).toBeUndefined();
    expect(flight.lags[1]).toBeGreaterThan(90);
    expect(flight.logger.lines.map(({ level, message }) => [level, message])).toEqual([
      ['warn', `canary: ${problem}`],
      ['info', 'canary: markers arrive in there again'],
    ]);
    await flight.stop();
  });

  it('tell why they are late: a store that takes none, one that shows none, or what the loop says', async () => {
    const flight = new Flight({ refuses: new Error('no leader') });
    await flight.clock.advance(60_000);
    expect(flight.flight.arrival.problem).toMatch(/: none could be written to here: no leader$/);
    expect(flight.written).toEqual([]);
    flight.refuses = undefined;
    flight.delayMs = undefined;
    flight.problem = 'there is full';
    await flight.clock.advance(10_000);
    expect(flight.flight.arrival.problem).toMatch(/: there is full$/);
    flight.unreadable = new Error('gone');
    await flight.clock.advance(2_000);
    expect(flight.flight.arrival.problem).toMatch(/: there can't be read: gone$/);
    await flight.stop();
  });

  it("that a store does not take don't count as under way: the lag is that of the first one it took", async () => {
    const flight = new Flight({ refuses: new Error('no leader') });
    await flight.clock.advance(60_000);
    flight.refuses = undefined;
    await flight.clock.advance(EVERY_MS + 100);
    expect(flight.lags).toEqual([0.02]);
    await flight.stop();
  });

  it("are nobody's business where another daemon sends them, and are waited for anew after a takeover", async () => {
    const flight = new Flight({ isOn: false });
    await flight.clock.advance(120_000);
    expect(flight.written).toEqual([]);
    expect(flight.flight.arrival).toMatchObject({ ageSeconds: undefined, problem: undefined });
    flight.isOn = true;
    flight.delayMs = undefined;
    await flight.clock.advance(30_000);
    expect(flight.flight.arrival.ageSeconds).toBeCloseTo(29, 0);
    expect(flight.flight.arrival.problem).toBeUndefined();
    await flight.clock.advance(10_000);
    expect(flight.flight.arrival.problem).toBeDefined();
    flight.isOn = false;
    expect(flight.flight.arrival).toMatchObject({ ageSeconds: undefined, problem: undefined });
    await flight.stop();
  });

  it('are measured by the clock that never jumps', async () => {
    const flight = new Flight({ delayMs: 500 });
    await flight.clock.advance(100);
    flight.clock.jumpWallClock(-3_600_000);
    await flight.clock.advance(1_000);
    expect(flight.lags).toEqual([0.5]);
    await flight.stop();
  });
});

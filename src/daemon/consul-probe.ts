import type { ConsulClient } from '../consul/consul-client.js';
import type { Clock } from '../ports/clock.js';
import type { StoreStatus } from '../ports/status.js';

const PROBE_EVERY_MS = 5_000;
const PROBE_AGAIN_MS = 1_000;
const PROBE_TIMEOUT_MS = 4_000;

/**
 * Asks Consul for its leader every few seconds. HTTP has no session: without asking, a daemon that has nothing to do
 * would not notice for a minute that Consul is gone.
 */
export class ConsulProbe {
  private readonly stopping = new AbortController();
  private connected = false;
  private leader: string | undefined;
  private lastError: string | undefined = 'not asked yet';
  private readonly answered: Promise<void>;
  private readonly running: Promise<void>;

  private constructor(
    private readonly client: ConsulClient,
    private readonly clock: Clock,
  ) {
    let first: () => void = () => undefined;
    this.answered = new Promise((resolve) => (first = resolve));
    this.running = this.run(first);
  }

  static start(client: ConsulClient, clock: Clock): ConsulProbe {
    return new ConsulProbe(client, clock);
  }

  status(): StoreStatus {
    return {
      connected: this.connected,
      address: this.client.address,
      server: this.leader === undefined ? undefined : `leader ${this.leader}`,
      lastError: this.connected ? undefined : this.lastError,
    };
  }

  async firstAnswer(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await Promise.race([
      this.answered,
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
    ]);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(first: () => void): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.ask();
      first();
      await this.clock.sleep(this.connected ? PROBE_EVERY_MS : PROBE_AGAIN_MS, this.stopping.signal);
    }
  }

  private async ask(): Promise<void> {
    try {
      const answer = await this.client.request(
        {
          operation: 'other',
          method: 'GET',
          path: '/v1/status/leader',
          accepts: [200],
          repeatable: true,
          timeoutMs: PROBE_TIMEOUT_MS,
        },
        this.stopping.signal,
      );
      const leader: unknown = JSON.parse(answer.body.toString('utf8'));
      this.leader = typeof leader === 'string' && leader !== '' ? leader : undefined;
      this.connected = this.leader !== undefined;
      this.lastError = `${this.client.address} answers, but its cluster has no leader`;
    } catch (error) {
      this.connected = false;
      this.lastError = error instanceof Error ? error.message : String(error);
    }
  }
}

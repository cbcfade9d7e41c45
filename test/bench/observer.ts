import type { ConsulServer } from '../kit/servers/consul-server.js';
import type { ZooKeeperServer } from '../kit/servers/zookeeper-server.js';
import type { ZooKeeperSession } from '../../src/zookeeper/zookeeper-session.js';
import { HttpConnection, setOperation } from './contenders/http-connection.js';
import { keyOf, valueOf, type Shape } from './entries.js';
import { connectZooKeeper, CONSUL_PREFIX, ZOOKEEPER_ROOT } from './stores.js';

const GIVE_UP_MS = 60_000;

/** A client that changes an entry on one side, and waits until the other one has the change. */
export class Observer {
  private changes = 0;
  /** Ends the wait for the watch that is set. */
  private fired: () => void = () => undefined;

  private constructor(
    private readonly session: ZooKeeperSession,
    private readonly consul: HttpConnection,
  ) {
    session.onEvent(() => this.fired());
  }

  static async connect(zookeeper: ZooKeeperServer, consul: ConsulServer): Promise<Observer> {
    return new Observer(await connectZooKeeper(zookeeper), new HttpConnection(consul.address, 2));
  }

  /** @returns milliseconds from the acknowledgement of the change until Consul has it */
  async changeInZooKeeper(number: number, shape: Shape): Promise<number> {
    const key = keyOf(number, shape);
    const path = `/v1/kv/${CONSUL_PREFIX}${key}?raw`;
    const value = valueOf(number, ++this.changes);
    let { index } = await this.consul.send('GET', path);
    const operation = {
      kind: 'setData',
      path: `${ZOOKEEPER_ROOT}/${key}`,
      data: value,
      version: -1,
    } as const;
    await this.session.multi([operation], AbortSignal.timeout(GIVE_UP_MS));
    const startedMs = performance.now();
    for (;;) {
      const answer = await this.consul.send('GET', `${path}&index=${index}&wait=10s`);
      const tookMs = performance.now() - startedMs;
      if (answer.body.equals(value)) return tookMs;
      if (tookMs > GIVE_UP_MS) throw new Error(`${key} did not come to Consul`);
      index = answer.index;
    }
  }

  /**
   * It waits by watches, since asking again and again would take a core from everybody else.
   * @returns milliseconds from the acknowledgement of the change until ZooKeeper has it
   */
  async changeInConsul(number: number, shape: Shape): Promise<number> {
    const key = keyOf(number, shape);
    const path = `${ZOOKEEPER_ROOT}/${key}`;
    const value = valueOf(number, ++this.changes);
    let changed = await this.watch(path);
    await this.consul.transact([setOperation(CONSUL_PREFIX + key, value)]);
    const startedMs = performance.now();
    for (;;) {
      await changed.fired;
      changed = await this.watch(path);
      const answer = await this.session.getData(path, AbortSignal.timeout(GIVE_UP_MS));
      const tookMs = performance.now() - startedMs;
      if (answer.kind === 'node' && value.equals(answer.node.data)) return tookMs;
      if (tookMs > GIVE_UP_MS) throw new Error(`${key} did not come to ZooKeeper`);
    }
  }

  /** Sets a watch, and returns what is settled when it has fired, or nobody waits any longer. */
  private async watch(path: string): Promise<{ readonly fired: Promise<void> }> {
    const fired = new Promise<void>((resolve) => {
      this.fired = resolve;
      AbortSignal.timeout(GIVE_UP_MS).addEventListener('abort', () => resolve());
    });
    await this.session.exists(path, AbortSignal.timeout(GIVE_UP_MS), true);
    return { fired };
  }

  async close(): Promise<void> {
    this.consul.close();
    await this.session.close();
  }
}

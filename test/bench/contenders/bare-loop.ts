import type { ConsulServer } from '../../kit/servers/consul-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import type { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import { connectZooKeeper, CONSUL_PREFIX, ZOOKEEPER_ROOT } from '../stores.js';
import { HttpConnection, setOperation } from './http-connection.js';

const TIMEOUT_MS = 60_000;

interface Listed {
  readonly Key: string;
  readonly Value: string | null;
  readonly ModifyIndex: number;
}

/**
 * The least that can carry single changes over, both ways: a recursive watch, a read, a write; a blocking query on
 * everything, a comparison, a write. It keeps nothing, checks nothing, and takes its own writes for changes, which it
 * tells from others by their content.
 */
export class BareLoop {
  private readonly known = new Map<string, string>();
  private isOver = false;
  private readonly writes: HttpConnection;
  private readonly query: HttpConnection;

  private constructor(
    private readonly session: ZooKeeperSession,
    { address }: ConsulServer,
  ) {
    this.writes = new HttpConnection(address, 1);
    this.query = new HttpConnection(address, 1);
  }

  static async start(zookeeper: ZooKeeperServer, consul: ConsulServer): Promise<BareLoop> {
    const loop = new BareLoop(await connectZooKeeper(zookeeper), consul);
    loop.session.onEvent(({ path }) => {
      if (path.startsWith(`${ZOOKEEPER_ROOT}/`)) void loop.toConsul(path.slice(ZOOKEEPER_ROOT.length + 1));
    });
    await loop.session.addWatch(ZOOKEEPER_ROOT, AbortSignal.timeout(TIMEOUT_MS));
    void loop.followConsul();
    return loop;
  }

  async stop(): Promise<void> {
    this.isOver = true;
    this.writes.close();
    this.query.close();
    await this.session.close();
  }

  private async toConsul(key: string): Promise<void> {
    const path = `${ZOOKEEPER_ROOT}/${key}`;
    const answer = await this.session.getData(path, AbortSignal.timeout(TIMEOUT_MS));
    if (answer.kind !== 'node') return;
    const value = Buffer.from(answer.node.data);
    if (this.known.get(key) === value.toString('base64')) return;
    this.known.set(key, value.toString('base64'));
    await this.writes.transact([setOperation(CONSUL_PREFIX + key, value)]);
  }

  private async followConsul(): Promise<void> {
    let index = '0';
    let seen = 0;
    while (!this.isOver) {
      const path = `/v1/kv/${CONSUL_PREFIX}?recurse&index=${index}&wait=55s`;
      const answer = await this.query.send('GET', path).catch(() => undefined);
      if (answer === undefined) return;
      const since = seen;
      for (const { Key, Value, ModifyIndex } of JSON.parse(answer.body.toString()) as Listed[]) {
        if (ModifyIndex <= since) continue;
        seen = Math.max(seen, ModifyIndex);
        if (index !== '0') await this.toZooKeeper(Key.slice(CONSUL_PREFIX.length), Value ?? '');
      }
      ({ index } = answer);
    }
  }

  private async toZooKeeper(key: string, encoded: string): Promise<void> {
    if (this.known.get(key) === encoded) return;
    this.known.set(key, encoded);
    const data = Buffer.from(encoded, 'base64');
    const operation = { kind: 'setData', path: `${ZOOKEEPER_ROOT}/${key}`, data, version: -1 } as const;
    await this.session.multi([operation], AbortSignal.timeout(TIMEOUT_MS));
  }
}

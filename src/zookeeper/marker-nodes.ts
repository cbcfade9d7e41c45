import type { MarkerPlace } from '../ports/canary.js';
import { LedgerNodes } from './ledger-nodes.js';
import type { AclEntry } from './protocol.js';
import { refusedByServer, STATUS } from './zookeeper-errors.js';
import type { ZooKeeperSession } from './zookeeper-session.js';

export interface MarkerNodesOptions {
  readonly session: ZooKeeperSession;
  /** The node that is written here. */
  readonly written: string;
  /** The node that comes from the other store. */
  readonly arriving: string;
  /** For nodes that are made. */
  readonly acl: readonly AclEntry[];
}

/** The canary's markers in ZooKeeper. */
export class MarkerNodes implements MarkerPlace {
  constructor(private readonly options: MarkerNodesOptions) {}

  async write(marker: string, signal: AbortSignal): Promise<void> {
    const { session, written: path } = this.options;
    const set = { kind: 'setData', path, data: Buffer.from(marker), version: -1 } as const;
    const outcome = await session.multi([set], signal);
    if (outcome.kind === 'applied') return;
    if (outcome.status !== STATUS.noNode)
      throw refusedByServer(`setData ${path}`, session.server, outcome.status);
    await this.create(marker, signal);
  }

  async read(signal: AbortSignal): Promise<string | undefined> {
    const { session, arriving: path } = this.options;
    const answer = await session.getData(path, signal);
    if (answer.kind === 'denied') throw refusedByServer(`getData ${path}`, session.server, STATUS.noAuth);
    return answer.kind === 'node' ? answer.node.data.toString('utf8') : undefined;
  }

  private async create(marker: string, signal: AbortSignal): Promise<void> {
    const { session, written: path, acl } = this.options;
    await new LedgerNodes(session, path, acl).makeParents(path, signal);
    const outcome = await session.multi([{ kind: 'create', path, data: Buffer.from(marker), acl }], signal);
    if (outcome.kind === 'failed') throw refusedByServer(`create ${path}`, session.server, outcome.status);
  }
}

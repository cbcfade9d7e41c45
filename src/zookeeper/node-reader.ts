import type { NodeData, Stat } from './wire.js';
import { concurrently } from './concurrently.js';
import { ReplyTooLargeError } from './zookeeper-errors.js';
import type { NodeAnswer, ZooKeeperSession } from './zookeeper-session.js';

/** A node whose data is more than this client accepts in one reply. */
export type DataAnswer = NodeAnswer<NodeData> | { readonly kind: 'too-large' };

/** What one `multiRead` is meant to bring. Its size is known only afterwards, and the server holds all of it at once. */
const REPLY_BYTES_AIMED_AT = 512 * 1024;
const GROUP_MAX = 256;
const GROUP_FIRST = 16;
const GROUP_GROWTH = 2;
const GROUPS_IN_FLIGHT = 4;
const SINGLES_IN_FLIGHT = 256;
/** From this mean value size on, asking for stats alone is faster than reading data to have its stat (measured). */
const LARGE_VALUE_BYTES = 16 * 1024;
/** Weight of what was last read in the mean. */
const LEARNING_RATE = 0.3;

/**
 * Reads many nodes at a time: by `multiRead` where the server has it, which is several times faster, otherwise by
 * pipelined single requests. How many nodes go into one request follows from the sizes met so far.
 */
export class NodeReader {
  #meanValueBytes = 0;
  #groupMax = GROUP_FIRST;

  constructor(private readonly session: ZooKeeperSession) {}

  /**
   * Reads data until all nodes are answered or the answers hold more than `bytesMax`: those that are left have no
   * answer then.
   */
  async readData(
    paths: readonly string[],
    bytesMax: number,
    signal: AbortSignal,
  ): Promise<Map<string, DataAnswer>> {
    const { multiRead } = await this.session.capabilities(signal);
    const answers = new Map<string, DataAnswer>();
    let bytes = 0;
    for (let from = 0; from < paths.length && bytes <= bytesMax;) {
      const wave = this.#nextWave(paths, from, multiRead);
      from += wave.flat().length;
      const read = await concurrently(wave, wave.length, (group) =>
        this.#readGroup(group, multiRead, signal),
      );
      for (const [path, answer] of read.flat()) {
        answers.set(path, answer);
        if (answer.kind === 'node') bytes += answer.node.data.length;
      }
    }
    return answers;
  }

  /** Reads what a walk needs of nodes, without keeping their data. A denied node may still be shown with its stat. */
  async readStats(paths: readonly string[], signal: AbortSignal): Promise<Map<string, NodeAnswer<Stat>>> {
    const { multiRead } = await this.session.capabilities(signal);
    if (!multiRead || this.#meanValueBytes > LARGE_VALUE_BYTES) return await this.#existsAll(paths, signal);
    const answers = new Map<string, NodeAnswer<Stat>>();
    for (let from = 0; from < paths.length;) {
      const wave = this.#nextWave(paths, from, true);
      from += wave.flat().length;
      const read = await concurrently(wave, wave.length, (group) => this.#statsOfGroup(group, signal));
      for (const group of read) for (const [path, answer] of group) answers.set(path, answer);
    }
    return answers;
  }

  /** The names of the nodes' children. */
  async readChildren(
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<Map<string, NodeAnswer<readonly string[]>>> {
    const { multiRead } = await this.session.capabilities(signal);
    const groups = groupsOf(paths, multiRead ? GROUP_FIRST : 1);
    const read = await concurrently(groups, multiRead ? GROUPS_IN_FLIGHT : SINGLES_IN_FLIGHT, (group) =>
      this.#childrenOfGroup(group, multiRead, signal),
    );
    return new Map(read.flat());
  }

  /** Stats alone, of whatever size the nodes are. */
  async #existsAll(paths: readonly string[], signal: AbortSignal): Promise<Map<string, NodeAnswer<Stat>>> {
    const answers = await concurrently(paths, SINGLES_IN_FLIGHT, async (path) => {
      const answer = await this.session.exists(path, signal);
      return [path, answer] as const;
    });
    const stats = answers.flatMap(([, answer]) => (answer.kind === 'node' ? [answer.node] : []));
    this.#learn(stats);
    return new Map(answers);
  }

  async #statsOfGroup(group: readonly string[], signal: AbortSignal): Promise<Map<string, NodeAnswer<Stat>>> {
    try {
      const answers = await this.session.multiRead(group, signal);
      const stats = new Map<string, NodeAnswer<Stat>>();
      answers.forEach((answer, i) => {
        const stat = answer.kind === 'node' ? ({ kind: 'node', node: answer.node.stat } as const) : answer;
        stats.set(group[i] ?? '', stat);
      });
      this.#learn(answers.flatMap((answer) => (answer.kind === 'node' ? [answer.node.stat] : [])));
      return stats;
    } catch (error) {
      if (!(error instanceof ReplyTooLargeError)) throw error;
      return await this.#existsAll(group, signal);
    }
  }

  async #childrenOfGroup(
    group: readonly string[],
    multiRead: boolean,
    signal: AbortSignal,
  ): Promise<(readonly [string, NodeAnswer<readonly string[]>])[]> {
    try {
      if (multiRead) {
        const lists = await this.session.multiReadChildren(group, signal);
        return lists.map((list, i) => [group[i] ?? '', list] as const);
      }
    } catch (error) {
      if (!(error instanceof ReplyTooLargeError)) throw error;
    }
    return await concurrently(group, GROUP_FIRST, async (path) => {
      const answer = await this.session.getChildren(path, signal);
      return [path, answer.kind === 'node' ? { kind: 'node', node: answer.node.names } : answer] as const;
    });
  }

  async #readGroup(
    group: readonly string[],
    multiRead: boolean,
    signal: AbortSignal,
  ): Promise<(readonly [string, DataAnswer])[]> {
    try {
      const answers = multiRead
        ? await this.session.multiRead(group, signal)
        : await concurrently(group, SINGLES_IN_FLIGHT, (path) => this.session.getData(path, signal));
      this.#learn(answers.flatMap((answer) => (answer.kind === 'node' ? [answer.node.stat] : [])));
      return answers.map((answer, i) => [group[i] ?? '', answer] as const);
    } catch (error) {
      if (!(error instanceof ReplyTooLargeError)) throw error;
      if (group.length === 1) return [[group[0] ?? '', { kind: 'too-large' }]];
      const middle = group.length >> 1;
      const first = await this.#readGroup(group.slice(0, middle), multiRead, signal);
      return [...first, ...(await this.#readGroup(group.slice(middle), multiRead, signal))];
    }
  }

  /** The next groups of `paths`, to be asked for at the same time. */
  #nextWave(paths: readonly string[], from: number, multiRead: boolean): string[][] {
    const affordable = Math.max(1, Math.floor(REPLY_BYTES_AIMED_AT / Math.max(1, this.#meanValueBytes)));
    const size = Math.min(affordable, this.#groupMax, GROUP_MAX);
    const next = paths.slice(from, from + size * GROUPS_IN_FLIGHT);
    return multiRead ? groupsOf(next, size) : [next];
  }

  #learn(stats: readonly Stat[]): void {
    this.#groupMax = Math.min(GROUP_MAX, this.#groupMax * GROUP_GROWTH);
    if (stats.length === 0) return;
    const mean = stats.reduce((sum, stat) => sum + stat.dataLength, 0) / stats.length;
    this.#meanValueBytes += (mean - this.#meanValueBytes) * LEARNING_RATE;
  }
}

function groupsOf(paths: readonly string[], size: number): string[][] {
  const groups: string[][] = [];
  for (let i = 0; i < paths.length; i += size) groups.push(paths.slice(i, i + size));
  return groups;
}

import { concurrently } from './concurrently.js';
import type { NodeData, Stat } from './protocol.js';
import { ReplyTooLargeError } from './zookeeper-errors.js';
import type { NodeAnswer, ZooKeeperSession } from './zookeeper-session.js';

/** `too-large` is a node whose data is more than this client accepts in one reply. */
export type DataAnswer = NodeAnswer<NodeData> | { readonly kind: 'too-large' };

/** A node as a walk meets it: with its data where that came with the stat. */
export interface MetNode {
  readonly stat: Stat;
  readonly data: Buffer | undefined;
}

type Answers<T> = Map<string, T>;

/** Paths that go into one request, or one path where the server knows no `multiRead`. */
type Group = readonly string[];

/**
 * Nodes in one `multiRead`. The server holds all of a reply at once, and its size is known only afterwards: with the
 * largest values, this many nodes are 32 MiB. Four times as many would be read a quarter faster (measured).
 */
const GROUP_MAX = 32;
const GROUPS_IN_FLIGHT = 4;
/** In UTF-16 units, each three bytes at most. No key has so long a path (`writeLimits`), but a client may make one. */
const GROUP_PATHS_LENGTH_MAX = 100_000;
const SINGLES_IN_FLIGHT = 128;
/** While nothing is known of the nodes' sizes. */
const SINGLES_IN_FLIGHT_AT_FIRST = 16;
const REPLY_BYTES_AIMED_AT = 512 * 1024;
const IN_FLIGHT_BYTES_AIMED_AT = 8 * 1024 * 1024;
/** From this mean size on, asking for stats alone is faster than reading the data to have its stat (measured). */
const LARGE_VALUE_BYTES = 16 * 1024;
/** Weight of what was last read in the mean. */
const LEARNING_RATE = 0.3;

/**
 * Reads many nodes at a time: by `multiRead` where the server has it, which is several times faster, otherwise by
 * pipelined single requests. How many are asked for at once follows from the sizes met so far.
 */
export class NodeReader {
  /** Undefined while nothing was read yet. */
  #meanBytes: number | undefined;

  constructor(private readonly session: ZooKeeperSession) {}

  /**
   * Reads data until all nodes are answered or the answers hold more than `bytesMax`: those that are left have no
   * answer then.
   */
  async readData(
    paths: readonly string[],
    bytesMax: number,
    signal: AbortSignal,
  ): Promise<Answers<DataAnswer>> {
    const { multiRead } = await this.session.capabilities(signal);
    const answers: Answers<DataAnswer> = new Map();
    let bytes = 0;
    const groups = this.#groups(paths, multiRead, () => bytes <= bytesMax);
    await concurrently(groups, this.#width(multiRead), async (group) => {
      for (const [path, answer] of await this.#readGroup(group, multiRead, signal)) {
        answers.set(path, answer);
        if (answer.kind === 'node') bytes += answer.node.data.length;
      }
    });
    return answers;
  }

  /** The same, and `last` no earlier than any of them: by one request where that is possible. */
  async readDataBefore(
    last: string,
    paths: readonly string[],
    bytesMax: number,
    signal: AbortSignal,
  ): Promise<Answers<DataAnswer>> {
    const { multiRead } = await this.session.capabilities(signal);
    const together = [...paths, last];
    const isOneRequest =
      multiRead && together.length <= GROUP_MAX && lengthOf(together) <= GROUP_PATHS_LENGTH_MAX;
    if (isOneRequest) return new Map(await this.#readGroup(together, true, signal));
    const answers = await this.readData(paths, bytesMax, signal);
    for (const [path, answer] of await this.#readGroup([last], multiRead, signal)) answers.set(path, answer);
    return answers;
  }

  /** Reads nodes' stats, and their data where asking for both is the faster way. A denied node may be shown without. */
  async readNodes(paths: readonly string[], signal: AbortSignal): Promise<Answers<NodeAnswer<MetNode>>> {
    const { multiRead } = await this.session.capabilities(signal);
    if (!multiRead || (this.#meanBytes ?? 0) > LARGE_VALUE_BYTES) return await this.#existsAll(paths, signal);
    const groups = this.#groups(paths, true, () => true);
    const read = await concurrently(groups, this.#width(true), (group) => this.#nodesOfGroup(group, signal));
    return new Map(read.flat());
  }

  /** The names of the nodes' children. */
  async readChildren(
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<Answers<NodeAnswer<readonly string[]>>> {
    const { multiRead } = await this.session.capabilities(signal);
    const [size, width] = multiRead ? [GROUP_MAX, GROUPS_IN_FLIGHT] : [1, SINGLES_IN_FLIGHT];
    const groups = cut(paths, () => size);
    const read = await concurrently(groups, width, (group) =>
      this.#childrenOfGroup(group, multiRead, signal),
    );
    return new Map(read.flat());
  }

  /** Stats alone, of whatever size the nodes are. */
  async #existsAll(paths: readonly string[], signal: AbortSignal): Promise<Answers<NodeAnswer<MetNode>>> {
    const answers = await concurrently(
      paths,
      SINGLES_IN_FLIGHT,
      async (path): Promise<readonly [string, NodeAnswer<MetNode>]> => {
        const answer = await this.session.exists(path, signal);
        if (answer.kind !== 'node') return [path, answer];
        return [path, { kind: 'node', node: { stat: answer.node, data: undefined } }];
      },
    );
    this.#learn(answers.flatMap(([, answer]) => (answer.kind === 'node' ? [answer.node.stat] : [])));
    return new Map(answers);
  }

  async #nodesOfGroup(
    group: Group,
    signal: AbortSignal,
  ): Promise<(readonly [string, NodeAnswer<MetNode>])[]> {
    try {
      const answers = await this.session.multiRead(group, signal);
      this.#learn(statsOf(answers));
      return pairUp(group, answers);
    } catch (error) {
      if (!(error instanceof ReplyTooLargeError)) throw error;
      return [...(await this.#existsAll(group, signal))];
    }
  }

  async #childrenOfGroup(
    group: Group,
    multiRead: boolean,
    signal: AbortSignal,
  ): Promise<(readonly [string, NodeAnswer<readonly string[]>])[]> {
    try {
      if (multiRead) return pairUp(group, await this.session.multiReadChildren(group, signal));
    } catch (error) {
      if (!(error instanceof ReplyTooLargeError)) throw error;
    }
    const lists = await concurrently(group, GROUP_MAX, (path) => this.session.getChildren(path, signal));
    return pairUp(
      group,
      lists.map((list) => (list.kind === 'node' ? { kind: 'node', node: list.node.names } : list)),
    );
  }

  async #readGroup(
    group: Group,
    multiRead: boolean,
    signal: AbortSignal,
  ): Promise<(readonly [string, DataAnswer])[]> {
    const [path = '/'] = group;
    try {
      const answers = multiRead
        ? await this.session.multiRead(group, signal)
        : [await this.session.getData(path, signal)];
      this.#learn(statsOf(answers));
      return pairUp(group, answers);
    } catch (error) {
      if (!(error instanceof ReplyTooLargeError)) throw error;
      if (group.length === 1) return [[path, { kind: 'too-large' }]];
      const middle = group.length >> 1;
      const first = await this.#readGroup(group.slice(0, middle), multiRead, signal);
      return [...first, ...(await this.#readGroup(group.slice(middle), multiRead, signal))];
    }
  }

  /** The next group is made when its turn comes, with what has been learned by then. */
  *#groups(paths: readonly string[], multiRead: boolean, goesOn: () => boolean): Generator<Group> {
    const size = () =>
      Math.min(GROUP_MAX, Math.ceil(REPLY_BYTES_AIMED_AT / Math.max(1, this.#meanBytes ?? 0)));
    for (const group of cut(paths, multiRead ? size : () => 1)) {
      if (!goesOn()) return;
      yield group;
    }
  }

  #width(multiRead: boolean): number {
    const mean = this.#meanBytes;
    if (multiRead) return mean === undefined ? 1 : GROUPS_IN_FLIGHT;
    if (mean === undefined) return SINGLES_IN_FLIGHT_AT_FIRST;
    return Math.min(SINGLES_IN_FLIGHT, Math.ceil(IN_FLIGHT_BYTES_AIMED_AT / Math.max(1, mean)));
  }

  #learn(stats: readonly Stat[]): void {
    if (stats.length === 0) return;
    const mean = stats.reduce((sum, stat) => sum + stat.dataLength, 0) / stats.length;
    const known = this.#meanBytes ?? mean;
    this.#meanBytes = known + (mean - known) * LEARNING_RATE;
  }
}

function lengthOf(paths: readonly string[]): number {
  return paths.reduce((length, path) => length + path.length, 0);
}

function statsOf(answers: readonly NodeAnswer<NodeData>[]): Stat[] {
  return answers.flatMap((answer) => (answer.kind === 'node' ? [answer.node.stat] : []));
}

function pairUp<T>(group: Group, answers: readonly T[]): (readonly [string, T])[] {
  return answers.map((answer, i) => [group[i] ?? '', answer] as const);
}

/** Cuts a list into groups, each of the size that is right when it is asked for, and that fits into a request. */
function* cut(paths: readonly string[], size: () => number): Generator<Group> {
  for (let from = 0; from < paths.length;) {
    const end = Math.min(from + size(), paths.length);
    let to = from;
    for (let length = 0; to < end && length < GROUP_PATHS_LENGTH_MAX; to++) length += paths[to]?.length ?? 0;
    yield paths.slice(from, to);
    from = to;
  }
}

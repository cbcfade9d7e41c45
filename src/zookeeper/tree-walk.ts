import { decodeSegment, isLegalSegment } from '../core/key-codec.js';
import { compareKeys, leadsInto } from '../core/key-order.js';
import type { EntryKey, KeyPrefix } from '../core/observation.js';
import { childPath, type MappingPaths } from './mapping-paths.js';
import type { MetNode, NodeReader } from './node-reader.js';

export interface WalkedNode extends MetNode {
  readonly key: EntryKey;
  readonly path: string;
}

export interface WalkObserver {
  /** A node, or the list of its children, may not be read: what is below it is not walked. */
  onDenied(path: string): void;
  /** A node has a name that no key is stored under. It is not walked. */
  onIllegalName(path: string): void;
}

/** How many of the next places are looked at when something is to be asked for. */
const LOOKAHEAD = 1_024;
const PAGE_MAX = 512;
const LISTS_IN_FLIGHT = 256;

/** A place in the walk. Without a node it is still to be asked for; `isListed` once its children are in the walk too. */
interface Place {
  readonly key: EntryKey;
  readonly path: string;
  node: MetNode | undefined;
  isListed: boolean;
}

/**
 * Walks everything below a mapping's root depth first, in the order of `compareKeys`, asking for many nodes at a
 * time. Keeps the nodes of the lookahead and the names of their siblings, and nothing of what it has given out.
 *
 * A node that vanishes meanwhile is left out, and so is one that is denied. Everything else that keeps the walk from
 * being complete is thrown.
 */
export class TreeWalk {
  /** The places still to be given out, the next one last. */
  #ahead: Place[] = [];

  constructor(
    private readonly reader: NodeReader,
    private readonly paths: MappingPaths,
    private readonly observer: WalkObserver,
    /** The part to walk; all, where empty. */
    private readonly within: KeyPrefix,
  ) {}

  /** @param rootNames the names of the root's children */
  async *pages(rootNames: readonly string[], signal: AbortSignal): AsyncGenerator<WalkedNode[], void> {
    this.#ahead = this.#placesBelow(undefined, this.paths.root, rootNames);
    let page: WalkedNode[] = [];
    for (let next = this.#ahead.at(-1); next !== undefined; next = this.#ahead.at(-1)) {
      if (next.node === undefined) {
        await this.#askForNodes(signal);
      } else if (!next.isListed) {
        await this.#askForLists(signal);
      } else {
        this.#ahead.pop();
        if (next.key.startsWith(this.within)) page.push({ key: next.key, path: next.path, ...next.node });
      }
      if (page.length >= PAGE_MAX) {
        yield page;
        page = [];
      }
    }
    if (page.length > 0) yield page;
  }

  async #askForNodes(signal: AbortSignal): Promise<void> {
    const wanted = this.#lookahead().filter((place) => place.node === undefined);
    const answers = await this.reader.readNodes(
      wanted.map((place) => place.path),
      signal,
    );
    const gone = new Set<Place>();
    for (const place of wanted) {
      const answer = answers.get(place.path);
      if (answer?.kind === 'node') {
        place.node = answer.node;
        place.isListed = answer.node.stat.numChildren === 0;
      } else {
        if (answer?.kind === 'denied') this.observer.onDenied(place.path);
        gone.add(place);
      }
    }
    this.#replace(gone, new Map());
  }

  /** Asks for the children of the next inner nodes, of as many as have about as many children as the lookahead. */
  async #askForLists(signal: AbortSignal): Promise<void> {
    const wanted: Place[] = [];
    let children = 0;
    for (const place of this.#lookahead().reverse()) {
      if (place.node === undefined || place.isListed) continue;
      children += place.node.stat.numChildren;
      if (wanted.length > 0 && (children > LOOKAHEAD || wanted.length >= LISTS_IN_FLIGHT)) break;
      wanted.push(place);
    }
    const lists = await this.reader.readChildren(
      wanted.map((place) => place.path),
      signal,
    );
    const gone = new Set<Place>();
    const below = new Map<Place, Place[]>();
    for (const place of wanted) {
      const list = lists.get(place.path) ?? { kind: 'no-node' };
      place.isListed = true;
      if (list.kind === 'no-node') gone.add(place);
      else if (list.kind === 'denied') this.observer.onDenied(place.path);
      else below.set(place, this.#placesBelow(place.key, place.path, list.node));
    }
    this.#replace(gone, below);
  }

  /** The next places, the very next one last. */
  #lookahead(): Place[] {
    return this.#ahead.slice(-LOOKAHEAD);
  }

  /** Takes places out of the lookahead, and puts others right behind the places that they are below of. */
  #replace(gone: ReadonlySet<Place>, below: ReadonlyMap<Place, readonly Place[]>): void {
    for (const place of this.#ahead.splice(-LOOKAHEAD)) {
      for (const child of below.get(place) ?? []) this.#ahead.push(child);
      if (!gone.has(place)) this.#ahead.push(place);
    }
  }

  /** The children's places, the next one last. */
  #placesBelow(parent: EntryKey | undefined, path: string, names: readonly string[]): Place[] {
    const children: Place[] = [];
    for (const name of names) {
      const child = childPath(path, name);
      if (this.paths.isExcluded(child)) continue;
      if (!isLegalSegment(name)) {
        this.observer.onIllegalName(child);
        continue;
      }
      const segment = decodeSegment(name);
      const key = parent === undefined ? segment : `${parent}/${segment}`;
      if (leadsInto(key, this.within)) {
        children.push({ key, path: child, node: undefined, isListed: false });
      }
    }
    return children.sort((a, b) => compareKeys(b.key, a.key));
  }
}

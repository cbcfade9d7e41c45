import type { Candidate, Election, Member, Queue } from '../../../src/ports/election.js';
import type { Link } from './link.js';
import type { MemoryTree } from './memory-tree.js';

export interface MemoryElectionOptions {
  readonly tree: MemoryTree;
  /** The daemon's connection to the tree. */
  readonly link: Link;
  readonly instance: string;
  readonly self: Member;
  readonly sessionTimeoutMs: number;
}

const PLACE = /^(.+)\.(session-\d+)-(\d{10})$/;

interface Place {
  readonly path: string;
  readonly memberId: string;
  readonly session: string;
  readonly sequence: string;
}

/** The queues of candidates as ephemeral nodes of a tree in memory. */
export class MemoryElection implements Election {
  readonly #options: MemoryElectionOptions;
  readonly #listeners = new Set<() => void>();
  readonly #watched = new Set<string>();
  #sessions = 1;

  constructor(options: MemoryElectionOptions) {
    this.#options = options;
    options.tree.feed.subscribe({
      committed: ({ changes }) => {
        const isDue = changes.some(({ name }) => this.#watched.delete(name));
        if (isDue) options.link.hint(NEVER, () => this.#tell());
      },
      replaced: () => this.#tell(),
    });
  }

  get self(): Member {
    return this.#options.self;
  }

  get sessionTimeoutMs(): number {
    return this.#options.sessionTimeoutMs;
  }

  /** The present session ends at the server, with all of its places; the next request begins another. */
  expire(): void {
    const { tree, self } = this.#options;
    tree.closeSession(`${self.id}.${this.#session}`);
    this.#sessions++;
    this.#tell();
  }

  async queues(mappings: readonly string[], signal: AbortSignal): Promise<Map<string, Queue>> {
    const { link } = this.#options;
    return link.read(
      'election',
      signal,
      () => new Map(mappings.map((mapping) => [mapping, this.#queue(mapping)])),
    );
  }

  async enter(mapping: string, signal: AbortSignal): Promise<void> {
    const { tree, link, self } = this.#options;
    const session = this.#session;
    await link.read('election', signal, () => {
      if (session !== this.#session) return;
      const own = this.#places(mapping).filter((place) => place.memberId === self.id);
      if (own.some((place) => place.session === session)) return;
      this.#remove(own);
      const sequence = String(tree.zxid & 0xffff_ffffn).padStart(10, '0');
      const path = `${this.#queuePath(mapping)}/${self.id}.${session}-${sequence}`;
      const data = Buffer.from(JSON.stringify({ host: self.host, admin: self.admin }));
      this.#makeParents(path);
      tree.apply([{ kind: 'create', path, data, ephemeralOwner: `${self.id}.${session}` }], self.id);
    });
  }

  async leave(mapping: string, signal: AbortSignal): Promise<void> {
    const { link, self } = this.#options;
    await link.read('election', signal, () =>
      this.#remove(this.#places(mapping).filter((place) => place.memberId === self.id)),
    );
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get #session(): string {
    return `session-${this.#sessions}`;
  }

  #queue(mapping: string): Queue {
    const { tree, self } = this.#options;
    const places = this.#places(mapping);
    const isMine = ({ memberId, session }: Place): boolean =>
      memberId === self.id && session === this.#session;
    const predecessor = places[places.findIndex(isMine) - 1];
    if (predecessor !== undefined) this.#watched.add(predecessor.path);
    return places.map((place): Candidate => {
      const about = JSON.parse(Buffer.from(tree.node(place.path)?.data ?? []).toString()) as Member;
      const member = { ...about, admin: about.admin, id: place.memberId };
      return { member, mine: isMine(place), session: place.session };
    });
  }

  #places(mapping: string): Place[] {
    const queue = this.#queuePath(mapping);
    return [...this.#options.tree.children(queue)]
      .flatMap((name) => {
        const [, memberId, session, sequence] = PLACE.exec(name) ?? [];
        if (memberId === undefined || session === undefined || sequence === undefined) return [];
        return [{ path: `${queue}/${name}`, memberId, session, sequence }];
      })
      .sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
  }

  #remove(places: readonly Place[]): void {
    const { tree, self } = this.#options;
    for (const { path } of places) tree.apply([{ kind: 'delete', path }], self.id);
  }

  #makeParents(path: string): void {
    const { tree, self } = this.#options;
    const segments = path.split('/').slice(1, -1);
    segments.forEach((_, index) => {
      const parent = `/${segments.slice(0, index + 1).join('/')}`;
      if (tree.node(parent) === undefined) {
        tree.apply([{ kind: 'create', path: parent, data: new Uint8Array() }], self.id);
      }
    });
  }

  #queuePath(mapping: string): string {
    return `/zk-consul-sync/${this.#options.instance}/.candidates/${mapping}`;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

const NEVER = new AbortController().signal;

import type { RowChange, ServiceRow } from '../../kit/memory-consul/catalog-tables.js';
import type { CatalogCommit } from '../../kit/memory-consul/memory-catalog.js';
import type { Commit } from '../../kit/memory-store/commit-feed.js';
import { BridgeView, LIST, OWNER } from './instances.js';
import type { Shown } from './instances.js';
import type { BridgeSetup } from './plan.js';
import { Presence } from './presence.js';
import { Removals } from './removals.js';
import { copyName, ownerOf } from './service-names.js';
import type { Side, Surroundings } from './surroundings.js';

/** Judges every write of one bridge at its instant, and what stands in the end, from what the stores hold alone. */
export class Judge {
  exclude: readonly string[];
  readonly view: BridgeView;
  readonly removals: Removals;
  /** All copies are taken away by the command for it. */
  isDeregistering = false;
  /** Until then nothing is written. */
  quietSinceMs: number | undefined;
  readonly #presences = new Map<string, Presence>();
  /** Registrations that the bridge has made, with the number of their creation. */
  readonly #made = new Set<string>();
  /** Everything that originals have said, by the side and key of their copies. */
  readonly #said = new Map<string, Set<string>>();

  constructor(
    readonly bridge: BridgeSetup,
    private readonly around: Surroundings,
  ) {
    this.exclude = bridge.exclude;
    this.view = new BridgeView(around.setup, bridge, around.tree, around.tables);
    this.removals = new Removals(this.view, around, (side, key) => this.#presence(side, key));
  }

  /** Notes which originals are there now. */
  look(): void {
    const nowMs = this.around.nowMs();
    for (const side of ['left', 'right'] as const) {
      const there = this.originals(side);
      for (const [key, text] of there) {
        this.#presence(side, key).note(true, nowMs);
        const said = this.#said.get(`${side} ${key}`) ?? new Set();
        this.#said.set(`${side} ${key}`, said.add(text));
      }
      for (const [place, presence] of this.#presences) {
        const key = place.slice(side.length + 1);
        if (place.startsWith(`${side} `) && !there.has(key)) presence.note(false, nowMs);
      }
    }
  }

  /** By the keys of their copies on this side. */
  originals(side: Side): Shown {
    return side === 'left'
      ? this.view.originalsInCatalog(this.exclude)
      : this.view.originalsInTree(this.exclude);
  }

  judgeTree({ changes, by }: Commit): void {
    const { root, instance } = this.bridge;
    const leaving: string[] = [];
    for (const { name, before, after } of changes) {
      if (name === '/zk-consul-sync' || name.startsWith(`/zk-consul-sync/${instance}`)) continue;
      this.#mustMove(name);
      const isAbove = root === name || root.startsWith(`${name}/`);
      if (isAbove && before === undefined && after?.length === 0) continue;
      if (!name.startsWith(`${root}/`)) {
        this.#fail('inside the lines', name, `${by} writes outside of its base path`);
        continue;
      }
      const key = name.slice(root.length + 1);
      const [, id = '', ...more] = key.split('/');
      const isCopy = more.length === 0 && ownerOf(this.around.setup.format, id) === instance;
      if (!isCopy) this.#judgeParent(name, before, after, by);
      else if (after === undefined || after.length === 0) leaving.push(key);
      else this.#judgeCopy('left', key, this.view.copiesInTree().get(key) ?? '', by);
    }
    this.#judgeLeaving('left', leaving, by);
  }

  judgeCatalog({ changes, by }: CatalogCommit): void {
    const leaving: string[] = [];
    for (const change of changes) {
      switch (change.table) {
        case 'key':
          if ((change.after ?? change.before)?.key !== `zk-consul-sync/${this.bridge.instance}/${LIST}`)
            this.#fail('inside the lines', undefined, `${by} writes a key that is not its ledger`);
          continue;
        case 'node':
          this.#judgeNode(change, by);
          continue;
        case 'check':
          this.#judgeCheck(change, by);
          continue;
        case 'service': {
          const key = this.#judgeService(change.before, change.after, by);
          if (key !== undefined) leaving.push(key);
        }
      }
    }
    this.#judgeLeaving('right', leaving, by);
  }

  /** L1: copies are those of the originals, and no others. */
  judgeEnd(setAside: ReadonlySet<string>): void {
    for (const side of ['left', 'right'] as const) {
      const originals = this.originals(side);
      const copies = side === 'left' ? this.view.copiesInTree() : this.view.copiesInCatalog();
      for (const [key, text] of originals) {
        if (copies.get(key) === text || setAside.has(key)) continue;
        this.#fail('convergence', key, `${side} has ${copies.get(key) ?? 'nothing'} for ${text}`);
      }
      for (const [key, text] of copies) {
        if (originals.has(key) || setAside.has(key) || this.#hasBelow(side, key)) continue;
        this.#fail('convergence', key, `${side} has ${text} of an original that is not there`);
      }
    }
    const tables = this.around.tables();
    for (const row of tables.servicesOn(this.view.node)) {
      if (this.view.isOwn(row) && !tables.isPassing(row))
        this.#fail('convergence', row.id, 'the check of a copy does not pass');
    }
    this.#judgeParentsLeft();
  }

  /** Nothing of the bridge is left, and everything of others is. */
  judgeDeregistered(): void {
    const copies = [...this.view.copiesInTree().keys()].filter((key) => !this.#hasBelow('left', key));
    for (const key of [...copies, ...this.view.copiesInCatalog().keys()])
      this.#fail('deregistered', key, 'a copy is left after all were to be taken away');
    this.#judgeParentsLeft();
    const tables = this.around.tables();
    const isEmpty = tables.servicesOn(this.view.node).length === 0;
    if (isEmpty && tables.node.has(this.view.node))
      this.#fail('deregistered', undefined, 'the node of the copies is left, and empty');
  }

  /** Under a copy somebody has put something, so that it can't go. */
  #hasBelow(side: Side, key: string): boolean {
    return side === 'left' && this.around.tree.children(`${this.bridge.root}/${key}`).size > 0;
  }

  #judgeParentsLeft(): void {
    const { tree, isMade, knowsParents } = this.around;
    if (!knowsParents) return;
    const { root } = this.bridge;
    for (const service of tree.children(root)) {
      const path = `${root}/${service}`;
      const isEmpty = tree.children(path).size === 0 && tree.node(path)?.data.length === 0;
      if (isEmpty && isMade(path)) this.#fail('convergence', service, 'an empty parent is left behind');
    }
  }

  /** A part of a service's name: made without data, and removed only by who made it. */
  #judgeParent(
    path: string,
    before: Uint8Array | undefined,
    after: Uint8Array | undefined,
    by: string,
  ): void {
    if (before === undefined && after?.length === 0) return;
    const isOwn = before?.length === 0 && after === undefined && this.around.isMade(path);
    if (!isOwn) this.#fail('originals untouched', path, `${by} writes a node that is not its own`);
  }

  #judgeCopy(side: Side, key: string, text: string, by: string): void {
    const { nowMs, raceMs } = this.around;
    if (this.isDeregistering) this.#fail('deregistered', key, `${by} writes a copy`);
    if (this.#isOfCopy(side, key)) this.#fail('no copy of a copy', key, `${by} copies what is a copy`);
    const said = this.#said.get(`${side} ${key}`);
    if (said?.has(text) !== true) {
      this.#fail('justified copies', key, `${by} writes "${text}", which no original has said`);
    } else if (!this.#presence(side, key).wasThere(nowMs() - raceMs, nowMs())) {
      this.#fail('justified copies', key, `${by} writes "${text}" for an original that is gone`);
    }
  }

  /** Whether what it would stand for carries the mark of a bridge. */
  #isOfCopy(side: Side, key: string): boolean {
    const { format } = this.around.setup;
    if (side === 'right') return ownerOf(format, key.split('/')[1] ?? '') !== undefined;
    const isCopied = ({ node, id }: ServiceRow): boolean =>
      key.endsWith(`/${copyName(format, this.bridge.instance, node, id)}`);
    const row = [...this.around.tables().service.values()].find(isCopied);
    return row !== undefined && (row.meta[OWNER] !== undefined || row.node === this.view.node);
  }

  /** @returns the key of a copy that leaves */
  #judgeService(
    before: ServiceRow | undefined,
    after: ServiceRow | undefined,
    by: string,
  ): string | undefined {
    const { node = '', id = '' } = after ?? before ?? {};
    this.#mustMove(`${node}/${id}`);
    if (node !== this.view.node || !id.startsWith(`${LIST}/`)) {
      this.#fail('originals untouched', id, `${by} writes service ${id} on node ${node}`);
      return undefined;
    }
    const key = id.slice(LIST.length + 1);
    if (before === undefined && after !== undefined) this.#made.add(`${id}@${after.createIndex}`);
    if (after === undefined) {
      const isCopy =
        before !== undefined && (this.view.isOwn(before) || this.#made.has(`${id}@${before.createIndex}`));
      // What somebody has made of a copy stands for an original all the same.
      if (!isCopy && !this.#said.has(`right ${key}`))
        this.#fail('originals untouched', id, `${by} removes a registration of somebody else's`);
      return key;
    }
    this.#judgeCopy('right', key, this.view.copiesInCatalog().get(key) ?? 'no marks', by);
    return undefined;
  }

  #judgeNode({ before, after }: RowChange & { table: 'node' }, by: string): void {
    const name = (after ?? before)?.name;
    this.#mustMove(name);
    const isCreated = before === undefined && name === this.view.node;
    const isRemoved = after === undefined && name === this.view.node && this.isDeregistering;
    if (!isCreated && !isRemoved) this.#fail('originals untouched', name, `${by} writes a node`);
  }

  #judgeCheck({ before, after }: RowChange & { table: 'check' }, by: string): void {
    const row = after ?? before;
    this.#mustMove(row?.id);
    // With a service go all of its checks, whoever made them.
    const isOwn = row?.node === this.view.node && row.serviceId.startsWith(`${LIST}/`);
    if (!isOwn) this.#fail('originals untouched', row?.id, `${by} writes a check`);
  }

  #judgeLeaving(side: Side, keys: readonly string[], by: string): void {
    if (keys.length > 0 && !this.isDeregistering) this.removals.judge(side, keys, by);
  }

  #mustMove(name: string | undefined): void {
    if (this.quietSinceMs !== undefined) this.#fail('no echo', name, 'is written while nobody writes');
  }

  #presence(side: Side, key: string): Presence {
    const place = `${side} ${key}`;
    const presence = this.#presences.get(place) ?? new Presence();
    this.#presences.set(place, presence);
    return presence;
  }

  #fail(checker: string, key: string | undefined, explanation: string): void {
    this.around.report({ checker, key, explanation: `${this.bridge.instance}: ${explanation}` });
  }
}

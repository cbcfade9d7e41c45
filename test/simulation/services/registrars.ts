import type { ServiceRow } from '../../kit/memory-consul/catalog-tables.js';
import type { RawOperation } from '../../kit/memory-consul/catalog-transaction.js';
import type { MemoryCatalog } from '../../kit/memory-consul/memory-catalog.js';
import type { MemoryTree, TreeOperation } from '../../kit/memory-store/memory-tree.js';
import { parentPath } from '../../kit/memory-store/memory-tree.js';
import { contentOf, nodeData, OWNER } from './instances.js';
import type { MeddlerAct, Place, RegistrarAct, ServicesSetup } from './plan.js';
import { copyName, ownerOf, ownInCatalog } from './service-names.js';

const CLIENT = 'client';
const NO_DATA = new Uint8Array();

/** The programs that register themselves, and those that meddle with what isn't theirs. */
export class Registrars {
  operations = 0;
  /** What was last registered of each instance. */
  readonly #revisions = new Map<string, number>();

  constructor(
    private readonly setup: ServicesSetup,
    private readonly tree: MemoryTree,
    private readonly catalog: MemoryCatalog,
  ) {}

  perform(act: RegistrarAct): void {
    this.operations++;
    switch (act.do) {
      case 'register':
        this.#revisions.set(this.#name(act), act.revision);
        if (act.at.store === 'tree') this.#putNode(act, act.at.root, true, act.session);
        else this.#putService(act, act.at.node, act.revision);
        return;
      case 'leave':
        this.#leave(act.at, act.service, act.id);
        return;
      case 'leave-together':
        this.#leaveTogether(act.at, act.service);
        return;
      case 'health':
        this.#setHealth(act);
        return;
      case 'node-health':
        this.#onNode(act.node, act.isUp ? 'passing' : 'critical');
        return;
      case 'end-session':
        this.tree.closeSession(act.session, CLIENT);
    }
  }

  meddle(act: MeddlerAct): void {
    this.operations++;
    switch (act.do) {
      case 'meddle':
        if (act.store === 'tree') this.#meddleWithNode(act);
        else this.#meddleWithService(act);
        return;
      case 'stranger':
        this.#bringStranger(act);
        return;
      case 'delete-node': {
        const Node = this.#copiesNode(act.pick);
        this.#transact([{ Node: { Verb: 'delete', Node: { Node } } }]);
        return;
      }
      case 'fill-parent': {
        const path = `${this.#root(act.pick)}/${act.service}`;
        if (this.tree.node(path) !== undefined) this.#apply({ kind: 'set', path, data: bytes('theirs') });
      }
    }
  }

  #name({ at, id, service }: { at: Place; id: string; service: string }): string {
    return JSON.stringify([at, service, id]);
  }

  #putNode(
    { service, id, at }: { service: string; id: string; at: Place },
    root: string,
    isUp: boolean,
    session?: string,
  ): void {
    const content = contentOf(this.#revisions.get(this.#name({ at, id, service })) ?? 0);
    this.#put(`${root}/${service}/${id}`, nodeData(this.setup.format, service, id, content, isUp), session);
  }

  #put(path: string, data: string, session?: string): void {
    const isThere = this.tree.node(path) !== undefined;
    if (!isThere) this.#makeParents(path);
    const kind = isThere ? 'set' : 'create';
    this.#apply({ kind, path, data: bytes(data), ...(!isThere && { ephemeralOwner: session }) });
  }

  #putService({ service, id }: { service: string; id: string }, node: string, revision: number): void {
    const { address, port, weight, zone } = contentOf(revision);
    const Service = {
      ID: id,
      Service: ownInCatalog(this.setup, service),
      // Some have the address of their node.
      Address: revision % 4 === 0 ? '' : address,
      Port: port,
      Tags: [`v${revision}`],
      Meta: { zone },
      Weights: { Passing: weight },
    };
    const Node = { Node: node, Address: `10.9.0.${node.slice(-1)}` };
    this.#transact([
      { Node: { Verb: 'set', Node } },
      { Service: { Verb: 'set', Node: node, Service } },
      ...(revision % 3 === 0 ? [] : [check(node, id, 'passing')]),
    ]);
  }

  #leave(at: Place, service: string, id: string): void {
    if (at.store === 'tree') this.#removeNode(`${at.root}/${service}/${id}`);
    else this.#transact([{ Service: { Verb: 'delete', Node: at.node, Service: { ID: id } } }]);
  }

  #leaveTogether(at: Place, service: string | undefined): void {
    if (at.store === 'tree') {
      for (const name of service === undefined ? this.tree.children(at.root) : [service]) {
        for (const id of [...this.tree.children(`${at.root}/${name}`)])
          if (ownerOf(this.setup.format, id) === undefined) this.#removeNode(`${at.root}/${name}/${id}`);
      }
      return;
    }
    const name = service === undefined ? undefined : ownInCatalog(this.setup, service);
    const leaving = [...this.catalog.tables.service.values()].filter(
      (row) => row.meta[OWNER] === undefined && (name === undefined || row.service === name),
    );
    for (const { node, id } of leaving)
      this.#transact([{ Service: { Verb: 'delete', Node: node, Service: { ID: id } } }]);
  }

  #setHealth(act: RegistrarAct & { do: 'health' }): void {
    const { at, service, id, isUp } = act;
    if (at.store === 'catalog') {
      this.#transact([check(at.node, id, isUp ? 'passing' : 'critical')]);
      return;
    }
    const path = `${at.root}/${service}/${id}`;
    // Nerve says so by being there or not.
    if (this.setup.format === 'nerve' && !isUp) this.#removeNode(path);
    else if (this.setup.format === 'nerve' || this.tree.node(path) !== undefined)
      this.#putNode(act, at.root, isUp);
  }

  #onNode(node: string, status: string): void {
    const Check = { Node: node, CheckID: 'serfHealth', Status: status, ServiceID: '' };
    this.#transact([{ Check: { Verb: 'set', Check } }]);
  }

  #meddleWithNode({ how, pick }: MeddlerAct & { do: 'meddle' }): void {
    const copies = this.#copiesInTree();
    const path = copies[pick % Math.max(1, copies.length)];
    const node = path === undefined ? undefined : this.tree.node(path);
    if (path === undefined || node === undefined) return;
    const { format } = this.setup;
    const changed = nodeData(format, 'theirs', 'theirs', contentOf(40_000 + pick), true);
    switch (how) {
      case 'change':
        this.#put(path, changed);
        return;
      case 'spoil':
        if (pick % 2 === 0) this.#put(path, pick % 4 === 0 ? '' : '{');
        else this.#put(`${path}/below`, '');
        return;
      case 'delete':
        this.#removeNode(path);
        return;
      case 'recreate':
        this.#removeNode(path);
        this.#put(path, pick % 2 === 0 ? changed : Buffer.from(node.data).toString());
    }
  }

  #meddleWithService({ how, pick }: MeddlerAct & { do: 'meddle' }): void {
    const copies = [...this.catalog.tables.service.values()].filter(({ id }) => id.startsWith('apps/'));
    const row = copies[pick % Math.max(1, copies.length)];
    if (row === undefined) return;
    const remove = { Service: { Verb: 'delete', Node: row.node, Service: { ID: row.id } } };
    const spoilt = [
      { ...row, meta: { zone: 'theirs' } },
      { ...row, tags: ['theirs'] },
      { ...row, service: 'theirs' },
      { ...row, meta: { ...row.meta, 'external-source': 'theirs' } },
    ][pick % 4];
    switch (how) {
      case 'change':
        this.#transact([setService({ ...row, port: 50_000 + pick })]);
        return;
      case 'spoil':
        if (spoilt !== undefined) this.#transact([setService(spoilt)]);
        return;
      case 'delete':
        this.#transact([remove]);
        return;
      case 'recreate':
        this.#transact([remove]);
        this.#transact([setService(pick % 2 === 0 ? { ...row, port: 50_000 + pick } : row)]);
    }
  }

  #bringStranger({ kind, service, pick }: MeddlerAct & { do: 'stranger' }): void {
    const { format } = this.setup;
    const root = this.#root(pick);
    const data = nodeData(format, service, 'stranger', contentOf(45_000 + pick), true);
    const id = format === 'serverset' ? `member_9999${pick}` : `stranger-${pick}`;
    const foreign = ['other/apps', 'one/other-list'][pick % 2] ?? '';
    const row = {
      id,
      service: ownInCatalog(this.setup, service),
      address: '10.7.0.1',
      port: 45_000 + pick,
      tags: [],
      meta: { [OWNER]: foreign },
      weight: 1,
    };
    switch (kind) {
      case 'foreign copy in the tree':
        this.#put(`${root}/${service}/${copyName(format, 'other', 'host-9', `i-${pick}`)}`, data);
        return;
      case 'foreign copy in the catalog':
        this.#onOwnNode({ ...row, node: 'host-9' });
        return;
      case 'foreign node in the catalog':
        this.#onOwnNode({ ...row, node: 'zk-consul-sync-other', id: `apps/${service}/${pick}` });
        return;
      case 'on the node of copies': {
        const node = this.#copiesNode(pick);
        const named = pick % 2 === 0 ? id : `apps/${service}/${id}`;
        if (this.catalog.tables.node.has(node))
          this.#transact([setService({ ...row, id: named, meta: {}, node })]);
        return;
      }
      case 'broken node':
        this.#put(`${root}/${service}/${id}`, '{"theirs":true}');
        return;
      case 'empty node':
        this.#put(`${root}/${service}/${id}`, '');
    }
  }

  #onOwnNode(row: Parameters<typeof setService>[0]): void {
    const Node = { Node: row.node, Address: '10.7.0.1' };
    this.#transact([{ Node: { Verb: 'set', Node } }, setService(row)]);
  }

  #copiesInTree(): string[] {
    const roots = [...new Set(this.setup.bridges.map(({ root }) => root))];
    const instances = this.setup.bridges.map(({ instance }) => instance);
    return roots.flatMap((root) =>
      [...this.tree.children(root)].flatMap((service) =>
        [...this.tree.children(`${root}/${service}`)]
          .filter((id) => instances.includes(ownerOf(this.setup.format, id) ?? ''))
          .map((id) => `${root}/${service}/${id}`),
      ),
    );
  }

  #root(pick: number): string {
    return this.setup.bridges[pick % this.setup.bridges.length]?.root ?? '';
  }

  #copiesNode(pick: number): string {
    return `zk-consul-sync-${this.setup.bridges[pick % this.setup.bridges.length]?.instance ?? ''}`;
  }

  /** With all below it. */
  #removeNode(path: string): void {
    for (const name of [...this.tree.children(path)]) this.#removeNode(`${path}/${name}`);
    if (this.tree.node(path) !== undefined) this.#apply({ kind: 'delete', path });
  }

  #makeParents(path: string): void {
    const parent = parentPath(path);
    if (this.tree.node(parent) !== undefined) return;
    this.#makeParents(parent);
    this.#apply({ kind: 'create', path: parent, data: NO_DATA });
  }

  #apply(operation: TreeOperation): void {
    this.tree.apply([operation], CLIENT);
  }

  #transact(operations: readonly RawOperation[]): void {
    this.catalog.apply(operations, CLIENT);
  }
}

function setService(row: Omit<ServiceRow, 'createIndex' | 'modifyIndex'>): RawOperation {
  const { node, id, service, address, port, tags, meta, weight } = row;
  const fields = { ID: id, Service: service, Address: address, Port: port, Tags: tags, Meta: meta };
  return { Service: { Verb: 'set', Node: node, Service: { ...fields, Weights: { Passing: weight } } } };
}

function check(node: string, id: string, status: string): RawOperation {
  return { Check: { Verb: 'set', Check: { Node: node, CheckID: `c:${id}`, Status: status, ServiceID: id } } };
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

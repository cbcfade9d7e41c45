import type { EntryKey, KeyPrefix } from '../core/observation.js';
import type { CatalogNode, CatalogPlace, CatalogRegistration, CatalogTranslation } from '../ports/catalog.js';
import { BRIDGE_META, CARRIED, fitToCatalog, SOURCE_META } from './catalog-limits.js';
import { catalogWeight } from './catalog-weight.js';
import { weightOf } from './formats/format.js';
import type { InstancePlace, Parsed, ServiceFormat, WeightRule } from './formats/format.js';
import { ServiceNames } from './service-names.js';
import type { ServiceNameSettings } from './service-names.js';
import { decodeRecord, encodeRecord } from './service-record.js';
import type { Fitted, Loss, ServiceRecord } from './service-record.js';

export interface ServiceSettings extends ServiceNameSettings {
  /** The daemon's instance. */
  readonly bridge: string;
  /** The name of this list of services. */
  readonly list: string;
  readonly format: ServiceFormat;
  /** The node of the catalog that stands for all copies. */
  readonly node: string;
  /** Every copy in the catalog gets these, before its own. */
  readonly tags: readonly string[];
  /** No instance takes part any more. */
  readonly withdrawn?: boolean;
}

/** Where an instance registered itself. */
export type Birthplace = 'tree' | 'catalog';

/** Consul registers its servers under this name. */
const CONSULS_OWN = 'consul';

/**
 * What entries mean in both worlds (docs/decisions/0009-services-are-entries.md). The key is the path of the instance's
 * node in the tree, and says by its last name where the instance was registered: there it lives, and on the other side
 * stands the daemon's copy.
 */
export class ServiceTranslation implements CatalogTranslation {
  readonly node: CatalogNode;
  private readonly names: ServiceNames;
  private readonly owner: string;

  constructor(private readonly settings: ServiceSettings) {
    this.names = new ServiceNames(settings);
    this.owner = `${settings.bridge}/${settings.list}`;
    const meta = { [SOURCE_META]: 'zookeeper', [BRIDGE_META]: settings.bridge };
    this.node = { name: settings.node, meta };
  }

  /** Undefined for what is no instance, and for copies of other deployments. */
  bornIn(key: EntryKey): Birthplace | undefined {
    const { format, bridge } = this.settings;
    const place = format.placeOf(key);
    if (place === undefined) return undefined;
    const origin = format.originOf(place.id);
    if (origin === undefined) return 'tree';
    return origin.bridge === bridge ? 'catalog' : undefined;
  }

  /** Whether a node without data is no instance: a part of a service's name, or not filled yet. */
  needsData(key: EntryKey): boolean {
    return this.bornIn(key) !== 'tree' || this.settings.format.isAllInName !== true;
  }

  /** Whether an instance is to be found on the other side, as long as it lives. */
  takesPart(key: EntryKey): boolean {
    const place = this.settings.format.placeOf(key);
    if (place === undefined || this.bornIn(key) === undefined || this.settings.withdrawn === true)
      return false;
    return this.names.includes(place.service);
  }

  /**
   * What a node of the tree says of its instance, as far as the catalog can hold it.
   * @param rules what is said beside it
   */
  parseNode(key: EntryKey, data: Uint8Array, rules: readonly WeightRule[] = []): Parsed {
    const place = this.placeIn(key);
    const parsed = this.settings.format.parse(place, data);
    if (parsed.kind !== 'up' || this.bornIn(key) === 'catalog') return parsed;
    const { record, losses } = fitToCatalog(parsed.record);
    const all = [...parsed.losses, ...losses];
    if (rules.length === 0) return { kind: 'up', record, losses: all };
    const said = catalogWeight(weightOf(rules, place, parsed.record), rules);
    return { kind: 'up', record: { ...record, weight: said.weight }, losses: [...all, ...said.losses] };
  }

  /** The data of a copy's node. */
  nodeOf(key: EntryKey, value: Uint8Array): Uint8Array {
    return this.settings.format.encode(this.placeIn(key), decodeRecord(value));
  }

  placeOf(key: EntryKey): CatalogPlace | undefined {
    const { format, list, node } = this.settings;
    const place = format.placeOf(key);
    const birthplace = this.bornIn(key);
    if (place === undefined || birthplace === undefined) return undefined;
    const service = this.names.inCatalog(place.service);
    if (birthplace === 'tree') return { kind: 'copy', node, id: `${list}/${key}`, service };
    const origin = format.originOf(place.id);
    return origin && { kind: 'original', node: origin.node, id: origin.id, service };
  }

  keyOf(registration: CatalogRegistration): EntryKey | undefined {
    const { list, node, format, bridge } = this.settings;
    if (registration.node === node) {
      const key = registration.id.startsWith(`${list}/`) ? registration.id.slice(list.length + 1) : undefined;
      return key !== undefined && this.bornIn(key) === 'tree' ? key : undefined;
    }
    if (registration.service === CONSULS_OWN || registration.meta[BRIDGE_META] !== undefined)
      return undefined;
    const fitted = this.fitToTree(registration);
    if (fitted === undefined) return undefined;
    const origin = { bridge, node: registration.node, id: registration.id };
    const id = format.copyId(origin, fitted.record);
    const key = format.keyOf({ service: this.names.inTree(registration.service), id });
    // A name that has no place in the tree makes no entry.
    return this.bornIn(key) === 'catalog' && this.takesPart(key) ? key : undefined;
  }

  isOwn({ node, meta }: CatalogRegistration): boolean {
    return node === this.settings.node && meta[BRIDGE_META] === this.owner;
  }

  valueOf(registration: CatalogRegistration): Uint8Array {
    const { node } = this.settings;
    if (registration.node === node) return encodeRecord(this.recordOfCopy(registration));
    return encodeRecord(this.fitToTree(registration)?.record ?? recordOf(registration));
  }

  lossesOf(registration: CatalogRegistration): readonly Loss[] {
    return this.fitToTree(registration)?.losses ?? [];
  }

  registrationOf(key: EntryKey, value: Uint8Array): CatalogRegistration {
    const { list, node, tags } = this.settings;
    const { address, port, meta, carried, weight = 1, tags: own } = decodeRecord(value);
    const carriedMeta = Object.fromEntries(
      Object.entries(carried).map(([name, text]) => [CARRIED + name, text]),
    );
    return {
      node,
      id: `${list}/${key}`,
      service: this.names.inCatalog(this.placeIn(key).service),
      address,
      port,
      tags: [...tags, ...own],
      meta: { ...meta, ...carriedMeta, [SOURCE_META]: 'zookeeper', [BRIDGE_META]: this.owner },
      weight,
    };
  }

  wantsService(name: string): boolean {
    return name !== CONSULS_OWN && this.names.includes(this.names.inTree(name));
  }

  /** What the keys of all instances of an instance's service begin with. */
  groupOf(key: EntryKey): KeyPrefix {
    return this.settings.format.keyOf({ service: this.placeIn(key).service, id: '' });
  }

  prefixOf(service: string): KeyPrefix {
    return this.settings.format.keyOf({ service: this.names.inTree(service), id: '' });
  }

  /** What of a catalog's own instance the tree can hold, and what not; undefined where it takes no part. */
  fitToTree(registration: CatalogRegistration): Fitted | undefined {
    return this.settings.format.fit({ node: registration.node, record: recordOf(registration) });
  }

  /** Undoes `registrationOf`. What somebody has changed of the marks, or of its check, makes it differ, so that it is put right. */
  private recordOfCopy(registration: CatalogRegistration): ServiceRecord {
    const record = recordOf(registration);
    const { [SOURCE_META]: source, [BRIDGE_META]: owner, ...all } = registration.meta;
    const entries = Object.entries(all);
    const carried = entries.filter(([name]) => name.startsWith(CARRIED));
    const hasTags = this.settings.tags.every((tag, at) => record.tags[at] === tag);
    const key = registration.id.slice(this.settings.list.length + 1);
    const isNamed = registration.service === this.names.inCatalog(this.placeIn(key).service);
    const isMarked = source === 'zookeeper' && owner === this.owner;
    const isWhole = isMarked && hasTags && isNamed && registration.isDown !== true;
    return {
      ...record,
      tags: hasTags ? record.tags.slice(this.settings.tags.length) : record.tags,
      meta: Object.fromEntries(entries.filter(([name]) => !name.startsWith(CARRIED))),
      carried: {
        ...Object.fromEntries(carried.map(([name, text]) => [name.slice(CARRIED.length), text])),
        ...(isWhole ? {} : { changed: 'true' }),
      },
    };
  }

  private placeIn(key: EntryKey): InstancePlace {
    const place = this.settings.format.placeOf(key);
    if (place === undefined) throw new RangeError(`no instance of a service: ${JSON.stringify(key)}`);
    return place;
  }
}

function recordOf({ address, port, tags, meta, weight }: CatalogRegistration): ServiceRecord {
  return { address, port, tags, meta, weight: weight === 1 ? undefined : weight, carried: {} };
}

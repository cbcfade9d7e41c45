import { entryFilter } from '../core/glob.js';
import { fromDnsName, toDnsName } from './dns-name.js';

export interface ServiceNameSettings {
  /** Before the names of copies in the catalog. */
  readonly namePrefix: string;
  /** By names in the tree: what they are called in the catalog. */
  readonly rename: ReadonlyMap<string, string>;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Whether names in the catalog have to do for DNS. */
  readonly dnsNames: boolean;
}

/** What a service is called on each side. */
export class ServiceNames {
  private readonly inTreeBy: ReadonlyMap<string, string>;
  private readonly filter: (name: string) => boolean;

  constructor(private readonly settings: ServiceNameSettings) {
    this.inTreeBy = new Map([...settings.rename].map(([tree, catalog]) => [catalog, tree]));
    this.filter = entryFilter(settings.include, settings.exclude);
  }

  /** By names in the tree. */
  includes(name: string): boolean {
    return this.filter(name);
  }

  /** The name of copies of this service. */
  inCatalog(name: string): string {
    const { rename, namePrefix, dnsNames } = this.settings;
    const renamed = rename.get(name);
    if (renamed !== undefined) return renamed;
    return namePrefix + (dnsNames ? toDnsName(name) : name);
  }

  /** The name of a catalog's own service. One that copies are registered by as well is that service. */
  inTree(name: string): string {
    const renamed = this.inTreeBy.get(name);
    if (renamed !== undefined) return renamed;
    const { namePrefix, dnsNames } = this.settings;
    if (!name.startsWith(namePrefix)) return name;
    const bare = name.slice(namePrefix.length);
    return (dnsNames ? fromDnsName(bare) : bare) ?? name;
  }
}

import type { FormatName, ServicesSetup } from './plan.js';

/**
 * What docs/service-discovery.md promises of names, written down by hand, so that the checkers don't depend on the
 * product's own translation.
 */
export const SERVICES: readonly string[] = ['web', 'api', 'db', 'UserService'];

const IN_DNS: ReadonlyMap<string, string> = new Map([['UserService', 'userservice--avfetf']]);
const RENAMED: readonly (readonly [tree: string, catalog: string])[] = [['db', 'database']];

export function renamesOf({ renames }: ServicesSetup): readonly { zookeeper: string; consul: string }[] {
  return renames ? RENAMED.map(([zookeeper, consul]) => ({ zookeeper, consul })) : [];
}

/** What copies of a service of the tree are called in the catalog. */
export function inCatalog(setup: ServicesSetup, service: string): string {
  const renamed = renamesOf(setup).find(({ zookeeper }) => zookeeper === service);
  return renamed?.consul ?? setup.namePrefix + (IN_DNS.get(service) ?? service);
}

/** What a service that registers in the catalog calls itself, so that it is the same as that of the tree. */
export function ownInCatalog(setup: ServicesSetup, service: string): string {
  return renamesOf(setup).find(({ zookeeper }) => zookeeper === service)?.consul ?? service;
}

/** What copies of a service of the catalog are called in the tree. */
export function inTree(setup: ServicesSetup, service: string): string {
  const renamed = renamesOf(setup).find(({ consul }) => consul === service);
  if (renamed !== undefined) return renamed.zookeeper;
  if (!service.startsWith(setup.namePrefix)) return service;
  const bare = service.slice(setup.namePrefix.length);
  return [...IN_DNS].find(([, dns]) => dns === bare)?.[0] ?? bare;
}

const MARK = 'zk-consul-sync:';

/** The name of the copy of a catalog's instance. */
export function copyName(format: FormatName, instance: string, node: string, id: string): string {
  const words = [instance, node, id].map(encodeURIComponent).join(':');
  if (format !== 'serverset') return MARK + words;
  const digits = [...Buffer.from(words)].map((byte) => String(byte).padStart(3, '0')).join('');
  return `member_9${digits.padEnd(29, '0')}`;
}

/** Whose copy a node of the tree is, by its name; undefined for one that registered there. */
export function ownerOf(format: FormatName, name: string): string | undefined {
  if (format !== 'serverset') {
    const [mark, owner, , , ...more] = name.split(':');
    return mark === 'zk-consul-sync' && owner !== undefined && more.length === 0 ? owner : undefined;
  }
  const digits = /^member_9(\d{29,})$/.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const bytes = (digits.match(/\d{3}/g) ?? []).map(Number).filter((byte) => byte > 0);
  return Buffer.from(bytes).toString().split(':')[0];
}

/** `*` for any run of characters: all that plans use. */
export function isExcluded(exclude: readonly string[], service: string): boolean {
  return exclude.some((pattern) => {
    const [start = '', ...rest] = pattern.split('*');
    return rest.length === 0 ? pattern === service : service.startsWith(start);
  });
}

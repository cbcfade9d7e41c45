import type { ServicesFocus } from '../services/generate-plan.js';
import type { PlantedBug } from './planted-bugs.js';

const PROGRAMS: ServicesFocus = { acts: [] };
const MEDDLERS: ServicesFocus = { acts: ['meddle', 'stranger', 'delete-node'] };
const PERMISSIONS: ServicesFocus = { acts: ['deny'] };
/** Nothing is made good by a verification, or by what the bridge itself writes in the catalog. */
const UNVERIFIED: ServicesFocus = {
  acts: [],
  setup: { verifyEveryMs: 3_600_000, direction: 'consul-to-zookeeper', onlyPassing: true },
};
const ENDINGS: ServicesFocus = { acts: ['stranger'], setup: { deregisters: true } };
const TWO_BRIDGES: ServicesFocus = {
  acts: [],
  setup: {
    bridges: [
      { instance: 'one', root: '/services', exclude: [] },
      { instance: 'two', root: '/other/services', exclude: [] },
    ],
  },
};

const TRANSLATION = 'src/services/service-translation.ts';

/** Bugs of what services have of their own, on either side, and of their guards. */
export const PLANTED_SERVICE_BUGS: readonly PlantedBug<ServicesFocus>[] = [
  {
    name: "a bridge's copy taken for an original",
    file: TRANSLATION,
    before: `registration.service === CONSULS_OWN || registration.meta[BRIDGE_META] !== undefined)`,
    after: `registration.service === CONSULS_OWN)`,
    harm: 'copies of copies go round between bridges, and no instance ever goes away',
    seenBy: ['no copy of a copy'],
    focus: TWO_BRIDGES,
    seedsMax: 10,
  },
  {
    name: "another deployment's copies taken for its own",
    file: TRANSLATION,
    before: `return origin.bridge === bridge ? 'catalog' : undefined;`,
    after: `return 'catalog';`,
    harm: 'two deployments on one tree remove what the other one shows',
    seenBy: ['originals untouched'],
    focus: MEDDLERS,
    seedsMax: 20,
  },
  {
    name: 'everything on the node of the copies taken for a copy',
    file: TRANSLATION,
    before: `return node === this.settings.node && meta[BRIDGE_META] === this.owner;`,
    after: `return node === this.settings.node && meta !== undefined;`,
    harm: 'what somebody registers there is removed',
    seenBy: ['originals untouched'],
    focus: MEDDLERS,
    seedsMax: 60,
  },
  {
    name: 'marks that are gone not missed',
    file: TRANSLATION,
    before: `...(isWhole ? {} : { changed: 'true' }),`,
    after: `...(isWhole || hasTags ? {} : { changed: 'true' }),`,
    harm: 'a copy whose marks a client removes passes for an original to other bridges',
    seenBy: ['convergence'],
    focus: MEDDLERS,
    seedsMax: 10,
  },
  {
    name: 'tags of the configuration read as those of the instance',
    file: TRANSLATION,
    before: `tags: hasTags ? record.tags.slice(this.settings.tags.length) : record.tags,`,
    after: `tags: record.tags,`,
    harm: 'copies are written again and again, until they are held',
    seenBy: ['convergence', 'no echo', 'bounded memory'],
    focus: { acts: [], setup: { tags: ['zookeeper'] } },
    seedsMax: 10,
  },
  {
    name: 'an instance that may not be read taken for gone',
    file: 'src/consul/catalog/catalog-reads.ts',
    before: `readings.set(one.key, found === 'missing' ? ABSENT : DENIED);`,
    after: `readings.set(one.key, ABSENT);`,
    harm: 'a token that loses a permission takes healthy instances out of service',
    seenBy: ['removals'],
    focus: PERMISSIONS,
    seedsMax: 60,
  },
  {
    name: 'an instance whose checks fail shown',
    file: 'src/consul/catalog/catalog-reads.ts',
    before: `if (stored.isProxy || (context.onlyPassing && !instance.isPassing)) return ABSENT;`,
    after: `if (stored.isProxy) return ABSENT;`,
    harm: 'clients in ZooKeeper send traffic to instances that are down',
    seenBy: ['justified copies', 'convergence'],
    focus: PROGRAMS,
    seedsMax: 10,
  },
  {
    name: 'checks not watched',
    file: 'src/consul/catalog/catalog-watch.ts',
    before: `const LISTS = ['services', 'checks'] as const;`,
    after: `const LISTS = ['services', 'services'] as const;`,
    harm: 'instances that fail are shown until the next verification',
    seenBy: ['convergence'],
    focus: UNVERIFIED,
    seedsMax: 40,
  },
  {
    name: 'a node that is gone never made again',
    file: 'src/consul/catalog/catalog-writes.ts',
    before: `if (what === NODE_GONE) context.node.forget();`,
    after: ``,
    harm: 'after somebody deregisters the node, nothing is shown in Consul any more',
    seenBy: ['convergence'],
    focus: MEDDLERS,
    seedsMax: 20,
  },
  {
    name: 'an instance that has come back still taken for gone',
    file: 'src/sync/departures.ts',
    before: `    this.goneSinceMs.delete(key);\n  }\n\n  /** When a copy`,
    after: `  }\n\n  /** When a copy`,
    harm: 'a program that restarts for the second time loses its copy at once',
    seenBy: ['removals'],
    focus: PROGRAMS,
    seedsMax: 30,
  },
  {
    name: 'no share that has to stay',
    file: 'src/core/departures.ts',
    before: `return (group.copies - group.leaving) * 100 < before * minHealthyPercent;`,
    after: `return (group.copies - group.leaving) * 100 < before * Math.min(0, minHealthyPercent);`,
    harm: 'one wrong view takes a whole service away',
    seenBy: ['minHealthy'],
    focus: PROGRAMS,
    seedsMax: 15,
  },
  {
    name: 'copies that went a moment ago not counted',
    file: 'src/sync/departures.ts',
    before: `return { copies: recorded + unrecorded, leaving: leaving.length, left: this.leftLately(group) };`,
    after: `return { copies: recorded + unrecorded, leaving: leaving.length, left: Math.min(0, this.leftLately(group)) };`,
    harm: 'a wrong view that comes in parts takes a whole service away',
    seenBy: ['minHealthy'],
    focus: PROGRAMS,
    seedsMax: 60,
  },
  {
    name: 'what did not fit into an answer left out of a plan',
    file: 'src/sync/plan.ts',
    before: `open = isStuck ? [] : unread.map(({ mark }) => mark);`,
    after: `open = isStuck ? unread.map(({ mark }) => mark) : [];`,
    harm: 'copies are left behind when all are to be taken away',
    seenBy: ['deregistered'],
    focus: ENDINGS,
    seedsMax: 10,
  },
  {
    name: 'instances that are not to be shown any more still taken part',
    file: TRANSLATION,
    before: `|| this.bornIn(key) === undefined || this.settings.withdrawn === true)`,
    after: `|| this.bornIn(key) === undefined)`,
    harm: 'copies in ZooKeeper are left behind when all are to be taken away',
    seenBy: ['deregistered'],
    focus: ENDINGS,
    seedsMax: 10,
  },
  {
    name: 'copies of services that are left out not looked for',
    file: 'src/consul/catalog/catalog-scan.ts',
    before: `if (hasUrl(name) && overlaps(context, name, within)) names.add(name);`,
    after: `if (hasUrl(name) && overlaps(context, name, within)) names.delete('');`,
    harm: 'copies of a service that was left out stay for ever once the archive is lost',
    seenBy: ['convergence'],
    focus: { acts: ['reconfigure', 'delete-archive'] },
    seedsMax: 60,
  },
];

import type { Digest, EntryKey, PresentReading, Reading } from '../../core/observation.js';
import type { Version } from '../../core/version.js';
import type {
  CatalogPlace,
  CatalogRegistration,
  CatalogTranslation,
  NotCarried,
} from '../../ports/catalog.js';
import { ConsulError } from '../consul-errors.js';
import { inOrderAhead } from '../in-order-ahead.js';
import { hasUrl } from '../kv-keys.js';
import { chunks } from '../settled-reads.js';
import { failureKind } from '../transaction.js';
import type { StoredEntry } from '../transaction.js';
import type { CatalogClient, HealthyOrNot } from './catalog-client.js';
import { checkIdOf, registrationOf } from './catalog-operation.js';
import type { CatalogOperation, CatalogResult, StoredService } from './catalog-operation.js';

export interface CatalogContext {
  readonly client: CatalogClient;
  readonly translation: CatalogTranslation;
  readonly operationsMax: number;
  readonly digest: (value: Uint8Array) => Digest;
  /** Only instances whose checks pass are there. */
  readonly onlyPassing: boolean;
  /** Told of an instance of which its copy can't hold everything, whenever it is read. */
  readonly onLosses: (key: EntryKey, losses: readonly NotCarried[]) => void;
}

/** Requests of one read or walk under way at once. */
export const REQUESTS_AHEAD = 4;

/** Service and check of a copy. */
const OPERATIONS_EACH_MAX = 2;
/**
 * Where a copy's check is not as it should be, this stands in its version for the number of its creation, which that of its
 * last write makes needless: what is read at the same version has to be the same, and a check does not move its service's
 * numbers. Above all of Consul's.
 */
const CHECK_CHANGED = 1n << 63n;

const ABSENT: Reading = { kind: 'absent' };
const DENIED: Reading = { kind: 'unknown', reason: 'denied' };
const NOT_READ: Reading = { kind: 'unknown', reason: 'not-read' };

/** An entry, and which registration it is. */
interface Wanted {
  readonly key: EntryKey;
  readonly place: CatalogPlace;
}

/** What the leader holds of one operation that reads. */
type Found = CatalogResult | 'missing' | 'denied';

/**
 * Reads entries. Whether a registration is there, the leader says for that very node and id; what an original's checks
 * say is read after that, so that nothing which is asked for is concluded from what a list lacks.
 */
export async function readInstances(
  context: CatalogContext,
  keys: readonly EntryKey[],
  signal: AbortSignal,
): Promise<Map<EntryKey, Reading>> {
  const { readings, wanted } = sift(context, keys);
  const pages = chunks(wanted, Math.floor(context.operationsMax / OPERATIONS_EACH_MAX));
  const find = async (page: readonly Wanted[], pageSignal: AbortSignal) => {
    const found = (await settleReads(context, page.flatMap(operationsOn), pageSignal)).values();
    const next = (): Found => found.next().value ?? 'denied';
    return page.map((one) => [one, next(), one.place.kind === 'copy' ? next() : undefined] as const);
  };
  const originals: Wanted[] = [];
  const names = new Map<EntryKey, string>();
  for await (const page of inOrderAhead(pages, REQUESTS_AHEAD, find, signal)) {
    for (const [one, found, check] of page) {
      if (check === 'denied') readings.set(one.key, DENIED);
      else if (typeof found === 'string') readings.set(one.key, found === 'missing' ? ABSENT : DENIED);
      else if (found.on !== 'service') readings.set(one.key, NOT_READ);
      else if (one.place.kind === 'copy')
        readings.set(one.key, copyReading(context, one.place, found.service, !isPassing(check)));
      else {
        originals.push(one);
        names.set(one.key, found.service.service);
      }
    }
  }
  for (const [key, reading] of await readOriginals(context, originals, names, signal))
    readings.set(key, reading);
  return readings;
}

/** Keys that stand for registrations, and readings that say of the others that there is nothing. */
function sift(
  context: CatalogContext,
  keys: readonly EntryKey[],
): { readonly readings: Map<EntryKey, Reading>; readonly wanted: readonly Wanted[] } {
  const readings = new Map<EntryKey, Reading>();
  const wanted: Wanted[] = [];
  for (const key of new Set(keys)) {
    const place = context.translation.placeOf(key);
    // The catalog has nothing but instances.
    if (place === undefined) readings.set(key, ABSENT);
    else wanted.push({ key, place });
  }
  return { readings, wanted };
}

function operationsOn({ place: { kind, node, id } }: Wanted): CatalogOperation[] {
  const service = { on: 'service', verb: 'get', node, id } as const;
  return kind === 'copy' ? [service, { on: 'check', verb: 'get', node, id }] : [service];
}

function isPassing(check: Found | undefined): boolean {
  return typeof check === 'object' && check.on === 'check' && check.isPassing;
}

/**
 * Asks a transaction of reads until it passes whole, each time without the operations whose object is missing or denied.
 * Results tell no node, so that where some are left out in silence each operation is asked by itself.
 */
export async function settleReads(
  context: Pick<CatalogContext, 'client'>,
  operations: readonly CatalogOperation[],
  signal: AbortSignal,
): Promise<Found[]> {
  const found: (Found | undefined)[] = operations.map(() => undefined);
  let asked = [...operations.keys()];
  while (asked.length > 0) {
    const batch = asked.flatMap((at) => operations[at] ?? []);
    const answer = await context.client.transact(batch, { reads: true, operation: 'read' }, signal);
    if (answer.kind === 'passed') {
      await takeResults(context, operations, asked, answer.results, found, signal);
      break;
    }
    for (const { position, what } of answer.failures) {
      const at = asked[position];
      const kind = failureKind(what);
      if (at === undefined || (kind !== 'missing' && kind !== 'denied')) throw failedRead(context, what);
      found[at] = kind;
    }
    asked = asked.filter((at) => found[at] === undefined);
  }
  return found.map((one) => one ?? 'denied');
}

async function takeResults(
  context: Pick<CatalogContext, 'client'>,
  operations: readonly CatalogOperation[],
  asked: readonly number[],
  results: readonly CatalogResult[],
  found: (Found | undefined)[],
  signal: AbortSignal,
): Promise<void> {
  if (results.length === asked.length) {
    for (const [index, at] of asked.entries()) found[at] = results[index];
    return;
  }
  if (asked.length === 1) return;
  for (const at of asked) {
    const [one] = await settleReads(context, operations.slice(at, at + 1), signal);
    found[at] = one;
  }
}

function failedRead({ client }: Pick<CatalogContext, 'client'>, what: string): ConsulError {
  const message = `a transaction of reads on ${client.address} failed: ${what}`;
  return new ConsulError('STORE_UNREACHABLE', message, true, true);
}

/** The health of originals is told with all instances of their service. */
async function readOriginals(
  context: CatalogContext,
  originals: readonly Wanted[],
  names: ReadonlyMap<EntryKey, string>,
  signal: AbortSignal,
): Promise<Map<EntryKey, Reading>> {
  const byService = new Map<string, Wanted[]>();
  for (const one of originals) {
    const name = names.get(one.key) ?? '';
    byService.set(name, [...(byService.get(name) ?? []), one]);
  }
  const readings = new Map<EntryKey, Reading>();
  const list = async ([name, wanted]: [string, Wanted[]], listSignal: AbortSignal) => ({
    wanted,
    instances: hasUrl(name) ? await context.client.instances(name, listSignal) : [],
  });
  for await (const { wanted, instances } of inOrderAhead(byService, REQUESTS_AHEAD, list, signal)) {
    const byPlace = new Map(instances.map((one) => [placeText(one.registration), one]));
    for (const { key, place } of wanted) {
      const instance = byPlace.get(placeText(place));
      readings.set(key, instance === undefined ? NOT_READ : instanceReading(context, key, instance));
    }
  }
  return readings;
}

/** What an instance with its health is to an entry of which it may be the original or the copy. */
export function instanceReading(context: CatalogContext, key: EntryKey, instance: HealthyOrNot): Reading {
  const { registration, stored, passing } = instance;
  const place = context.translation.placeOf(key);
  if (place?.kind === 'copy') return copyReading(context, place, stored, !passing.has(checkIdOf(place.id)));
  if (stored.isProxy || (context.onlyPassing && !instance.isPassing)) return ABSENT;
  // It is another service's by now, or has another URL, and with it another key.
  if (context.translation.keyOf(registration) !== key) return ABSENT;
  const losses = context.translation.lossesOf(registration);
  if (losses.length > 0) context.onLosses(key, losses);
  return presentReading(context, registration, stored, `${registration.node}/${registration.id}`);
}

function copyReading(
  context: CatalogContext,
  { node }: CatalogPlace,
  stored: StoredService,
  isDown: boolean,
): PresentReading {
  const registration = { ...registrationOf(node, '', stored), isDown };
  const whole = presentReading(context, registration, stored, undefined);
  const version = { ...whole.version, created: CHECK_CHANGED };
  const reading = isDown ? { ...whole, version } : whole;
  return context.translation.isOwn(registration) ? { ...reading, isMirror: true } : reading;
}

function presentReading(
  context: CatalogContext,
  registration: CatalogRegistration,
  stored: StoredService,
  session: string | undefined,
): PresentReading {
  const value = context.translation.valueOf(registration);
  return {
    kind: 'present',
    version: versionOf(stored),
    value,
    digest: context.digest(value),
    flags: 0n,
    children: 0,
    session,
    stamp: undefined,
  };
}

export function versionOf({ modifyIndex, createIndex }: StoredService | StoredEntry): Version {
  return { modified: modifyIndex, created: createIndex, revision: 0 };
}

function placeText({ node, id }: { readonly node: string; readonly id: string }): string {
  return JSON.stringify([node, id]);
}

import { z } from 'zod';
import type { MappingConfig } from '../../config/schema.js';
import type { StartOutlook } from '../../daemon/start-outlook.js';
import { SIDE_NAMES, sideOf } from '../../daemon/mapping-context.js';
import { digestOf, systemClock } from '../../daemon/system.js';
import { VERSION } from '../../daemon/version.js';
import type { MappingContext } from '../../sync/context.js';
import type { DecidedOn } from '../../sync/decided-on.js';
import type { FileState, LineForms } from '../sealed-reading.js';
import { checked, requireFormat, SealedReading } from '../sealed-reading.js';

/** A plan that was written to a file: a header, a line for each write, and one with what the guards would say of all. */
const PLAN_FORMAT = 1;

const store = z.enum(['zookeeper', 'consul']);

const headerLine = z.strictObject({
  plan: z.literal(PLAN_FORMAT),
  madeAt: z.iso.datetime(),
  madeBy: z.string(),
  instance: z.string(),
  mapping: z.string(),
  /** The mapped places. */
  zookeeper: z.string(),
  consul: z.string(),
  /** Names the archive; null where there was none. */
  pairId: z.string().nullable(),
  /** How far each ledger had come, as the archive knew it. */
  generation: z.strictObject({ zookeeper: z.number().nullable(), consul: z.number().nullable() }),
  /** Of the settings that decisions depend on. */
  settings: z.string(),
});

const writeLine = z.strictObject({
  key: z.string(),
  action: z.enum(['create', 'update', 'delete', 'conflict']),
  on: store,
  /** Of the content that is to be written; missing for a deletion. */
  digest: z.string().optional(),
  /** What it was decided on: versions (modified.created.revision), or `absent`. */
  zookeeper: z.string(),
  consul: z.string(),
  archive: z.string(),
});

const guardsLine = z.strictObject({
  guards: z.array(
    z.strictObject({
      reason: z.enum(['mass-deletion', 'mass-conflict']),
      detail: z.string(),
    }),
  ),
});

/** What guards would hold of a plan, or hold already. */
export interface GuardedPart {
  readonly reason: 'mass-deletion' | 'mass-conflict';
  readonly detail: string;
}

export type PlanHeader = z.output<typeof headerLine>;
type PlanItem = DecidedOn | { readonly guards: readonly GuardedPart[] };

const PLAN_LINES: LineForms<PlanHeader, PlanItem> = {
  use: 'applied',
  header: (line) => {
    requireFormat(line, 'plan', PLAN_FORMAT);
    return checked(headerLine, line);
  },
  item: (line) => {
    const isGuards = typeof line === 'object' && line !== null && 'guards' in line;
    if (isGuards) return checked(guardsLine, line);
    const {
      on,
      zookeeper: left,
      consul: right,
      archive: archived,
      digest,
      ...rest
    } = checked(writeLine, line);
    return { ...rest, digest, on: sideOf(on), seen: { left, right }, archived };
  },
};

export function planHeader(
  context: MappingContext,
  { memory: { state } }: StartOutlook,
  settings: string,
): PlanHeader {
  const { left, right } = context.places;
  return {
    plan: PLAN_FORMAT,
    madeAt: new Date(systemClock.nowMs()).toISOString(),
    madeBy: VERSION,
    instance: context.instance,
    mapping: context.name,
    zookeeper: left,
    consul: right,
    pairId: state?.pairId ?? null,
    generation: {
      zookeeper: state?.ledgers.left?.generation ?? null,
      consul: state?.ledgers.right?.generation ?? null,
    },
    settings,
  };
}

export function planLine({ seen, on, archived, ...rest }: DecidedOn): z.input<typeof writeLine> {
  return { ...rest, on: SIDE_NAMES[on], zookeeper: seen.left, consul: seen.right, archive: archived };
}

/** Tells settings apart that would decide otherwise. */
export function settingsDigest(mapping: MappingConfig): string {
  const { direction, conflict, tieBreak, initial, include, exclude, sessionBound, drift } = mapping;
  const settings = [direction, conflict, tieBreak, initial, include, exclude, sessionBound, drift];
  return digestOf(new TextEncoder().encode(JSON.stringify(settings)));
}

/** What a plan in a file comes to. */
export interface PlanContents {
  readonly header: PlanHeader;
  readonly writes: readonly {
    readonly action: DecidedOn['action'];
    readonly on: 'zookeeper' | 'consul';
    readonly count: number;
  }[];
  readonly guards: readonly GuardedPart[];
  readonly state: FileState;
}

/**
 * Reads a plan from its first line to its last.
 * @throws CommandError that names the line
 */
export async function verifyPlan(file: string): Promise<PlanContents> {
  const reading = new SealedReading(file, PLAN_LINES);
  const writes = new Map<
    string,
    { action: DecidedOn['action']; on: 'zookeeper' | 'consul'; count: number }
  >();
  let guards: readonly GuardedPart[] = [];
  for await (const item of reading.items()) {
    if ('guards' in item) {
      guards = item.guards;
      continue;
    }
    const { action } = item;
    const on = SIDE_NAMES[item.on];
    const known = writes.get(`${action} ${on}`) ?? { action, on, count: 0 };
    writes.set(`${action} ${on}`, { ...known, count: known.count + 1 });
  }
  return { header: reading.header, writes: [...writes.values()], guards, state: reading.state };
}

/**
 * The planned writes, in chunks.
 * @param state as `verifyPlan` found it
 */
export async function* readPlan(
  file: string,
  state: FileState,
  chunkSize: number,
): AsyncGenerator<readonly DecidedOn[]> {
  let chunk: DecidedOn[] = [];
  for await (const item of new SealedReading(file, PLAN_LINES, state).items()) {
    if ('guards' in item) continue;
    chunk.push(item);
    if (chunk.length < chunkSize) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

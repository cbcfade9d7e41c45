import type { ArchiveRecord } from '../core/archive-record.js';
import { carryOut } from '../core/carry-out-order.js';
import { isEmpty, isRegressed } from '../core/classify.js';
import type { Decision } from '../core/decision.js';
import { wroteVersion } from '../core/ledger.js';
import type { WriteIntent } from '../core/mapping-state.js';
import type { EntryKey, PresentReading, Reading } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import { otherSide, pairOf, SIDES, withSide } from '../core/pair.js';
import type { Policy } from '../core/policy.js';
import { impose, reconcile } from '../core/reconcile.js';
import type { Situation } from '../core/situation.js';
import { sameVersion } from '../core/version.js';
import { judgeSingle } from '../core/write-intent.js';
import type { Glance, ScannedEntry, StoredLedger } from '../ports/replica.js';
import type { MappingContext } from './context.js';
import { ExpectedEchoes } from './expected-echoes.js';
import { FirstSeen } from './first-seen.js';
import type { SeenLedgers } from './ledger-keeper.js';
import type { Mark } from './mark-set.js';
import type { MappingMemory } from './mapping-memory.js';
import { WallClockWatch } from './wall-clock-watch.js';
import { UNDATED, writtenAt } from './write-times.js';

/** An entry that was looked at, and what is to be done with it. */
export interface Examined {
  readonly mark: Mark;
  readonly situation: Situation;
  readonly decision: Decision;
  /** The other side was not read: the write that makes the entry there is under the condition that there is none. */
  readonly presumed: boolean;
  /** What a person has ordered for it is over: a client has changed the entry since. */
  readonly isOrderOver?: boolean;
}

export interface Examination {
  readonly examined: readonly Examined[];
  /** Entries whose change turned out to be none: the daemon's own writes coming back, by side. */
  readonly echoes: Pair<number>;
  /** An entry that a store holds at a version below the agreed one, confirmed by a second look. */
  readonly regressed: { readonly side: Side; readonly key: EntryKey } | undefined;
  /** Those ledgers that were read with the entries, after all that was read on their side. */
  readonly ledgers: SeenLedgers;
}

/** What is known of who wrote what, besides what the ledgers list at the moment. */
export interface Provenance {
  /** Reads what was written until now, where another daemon writes. */
  catchUp(signal: AbortSignal): Promise<void>;
  /** Whether the store's write with this number was a daemon's. */
  has(side: Side, modified: bigint): boolean;
}

const ONLY_LEDGERS: Provenance = { catchUp: () => Promise.resolve(), has: () => false };

type Readings = ReadonlyMap<EntryKey, Reading>;

/** What was read for a round. */
interface Sight {
  /** Entries that are not as they were agreed on. */
  readonly open: readonly Mark[];
  readonly readings: Pair<Readings>;
  readonly ledgers: SeenLedgers;
}

type Read = (side: Side, keys: readonly EntryKey[]) => Promise<Glance | Pick<Glance, 'readings'>>;

interface Glanced {
  readonly examined: readonly Examined[];
  /** Entries that a glance is not enough for. */
  readonly left: readonly Mark[];
  readonly ledgers: SeenLedgers;
}

/**
 * Reads marked entries with authority on both sides and decides them. Writes to no store. What it reads it dates, and so it
 * looks after the wall clock.
 */
export class Examiner {
  private readonly seen: FirstSeen;
  private readonly wallClock: WallClockWatch;
  private presumes = true;

  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly provenance: Provenance = ONLY_LEDGERS,
    private readonly expected = new ExpectedEchoes(context.clock),
  ) {
    this.seen = new FirstSeen(context.clock);
    this.wallClock = new WallClockWatch(context.clock);
  }

  /** A wall clock that was set makes nothing of what was dated by it, and must not decide who wrote later. */
  async checkClock(): Promise<void> {
    const stepMs = this.wallClock.stepMs();
    if (stepMs === 0 || this.memory.state === undefined) return;
    this.context.logger.warn({ stepMs }, 'the wall clock was set; until writes are dated anew, ties decide');
    this.seen.clear();
    await this.memory.commit(() => ({ state: UNDATED }));
  }

  /**
   * @param willWrite whether what is decided is to be carried out. If so, conditions of writes stand for readings: entries
   *   that a walk has read, and of which nothing is known, may be taken for missing on the other side, and a glance is
   *   enough for entries of which a watch has told
   */
  async examine(marks: readonly Mark[], signal: AbortSignal, willWrite = false): Promise<Examination> {
    this.noteWalked(marks);
    const echoes = { left: 0, right: 0 };
    const presumed = willWrite && this.presumes ? this.presumeMissing(marks) : [];
    const isDone = new Set(presumed.map(({ mark }) => mark.key));
    const others = marks.filter(({ key }) => !isDone.has(key));
    const mayGlance = willWrite && this.haveLedgers;
    const isHinted = ({ at }: Mark): boolean => mayGlance && at !== undefined;
    const glanced = await this.examineAtAGlance(others.filter(isHinted), echoes, signal);
    const left = [...others.filter((mark) => !isHinted(mark)), ...glanced.left];
    const examined = [...presumed, ...glanced.examined];
    if (left.length === 0) return { examined, echoes, regressed: undefined, ledgers: glanced.ledgers };
    const sighted = await this.examineBySight(left, echoes, signal);
    // The ledgers of before say nothing of what was read after them.
    const { regressed } = sighted;
    return { examined: [...examined, ...sighted.examined], echoes, regressed, ledgers: new Map() };
  }

  /** Rounds from here on may presume again what one before them was wrong about. */
  presumeAgain(): void {
    this.presumes = true;
  }

  /** Something was there that was presumed to be missing: so may be others. */
  wasWrong(): void {
    this.presumes = false;
  }

  /**
   * Looks at entries of which a watch has told without making sure that the answers are the newest. What needs no more
   * than that is decided; everything else is to be read with authority.
   */
  private async examineAtAGlance(
    marks: readonly Mark[],
    echoes: Record<Side, number>,
    signal: AbortSignal,
  ): Promise<Glanced> {
    if (marks.length === 0) return { examined: [], left: [], ledgers: new Map() };
    const sight = await this.look(marks, echoes, async (side, keys) => {
      const { readings, ledger } = await this.context.replicas[side].glance(keys, signal);
      return { readings, ledger };
    });
    await this.provenance.catchUp(signal);
    const decided = sight.open.map((mark) => this.decide(mark, this.situation(mark, sight.readings), false));
    const examined = decided.filter(isSureByCondition);
    const left = decided.filter((one) => !isSureByCondition(one)).map(({ mark }) => mark);
    return { examined, left, ledgers: sight.ledgers };
  }

  private async examineBySight(
    marks: readonly Mark[],
    echoes: Record<Side, number>,
    signal: AbortSignal,
  ): Promise<Pick<Examination, 'examined' | 'regressed'>> {
    const { open, readings } = await this.look(marks, echoes, async (side, keys) => ({
      readings: await this.context.replicas[side].read(keys, signal),
    }));
    await this.provenance.catchUp(signal);
    const examined = open.map((mark) => this.decide(mark, this.situation(mark, readings), false));
    return { examined, regressed: await this.confirmRegression(examined, signal) };
  }

  /** Reads entries on both sides, except those that turn out to be as they were agreed on. */
  private async look(marks: readonly Mark[], echoes: Record<Side, number>, read: Read): Promise<Sight> {
    // Of what is probably an echo, the other side need not be asked as long as this one is as the archive has it.
    const doubtful = new Set(marks.filter(({ at, key }) => at !== undefined && this.expected.has(at, key)));
    const isAskedFirst = (mark: Mark, side: Side): boolean =>
      mark.walked?.side !== side && (mark.at !== otherSide(side) || !doubtful.has(mark));
    const first = await this.readBoth(
      pairOf((side) => marks.filter((mark) => isAskedFirst(mark, side))),
      read,
    );
    const open = marks.filter((mark) => {
      if (mark.at !== undefined) this.expected.came(mark.at, mark.key);
      if (!this.isInStep(mark, first.readings)) return true;
      if (mark.at !== undefined && this.isOurs(mark.at, mark.key, first.readings[mark.at].get(mark.key)))
        echoes[mark.at]++;
      return false;
    });
    const isAskedThen = (mark: Mark, side: Side): boolean => doubtful.has(mark) && mark.at !== side;
    const second = await this.readBoth(
      pairOf((side) => open.filter((mark) => isAskedThen(mark, side))),
      read,
    );
    const readings = pairOf(
      (side) => new Map([...first.readings[side], ...second.readings[side], ...walkedAt(marks, side)]),
    );
    return { open, readings, ledgers: new Map([...first.ledgers, ...second.ledgers]) };
  }

  /** The entries that are to be made on the other side, if they are missing there. */
  private presumeMissing(marks: readonly Mark[]): Examined[] {
    const { archive } = this.memory;
    return marks.flatMap((mark) => {
      const { key, walked } = mark;
      if (walked === undefined || archive.mark(key) !== undefined || archive.record(key) !== undefined)
        return [];
      const { reading } = walked;
      if (reading.kind !== 'present' || this.memory.mayHaveBeenOnBoth(walked.side, key, reading.version))
        return [];
      const missing: Readings = new Map([[key, { kind: 'absent' }]]);
      const readings = withSide(
        { left: missing, right: missing },
        walked.side,
        new Map([[key, walked.reading]]),
      );
      const examined = this.decide(mark, this.situation(mark, readings), true);
      return isPlainCreate(examined) ? [examined] : [];
    });
  }

  private noteWalked(marks: readonly Mark[]): void {
    for (const side of SIDES) this.seen.note(side, walkedAt(marks, side));
  }

  /** The policy in force: an operator's resync decides what was never agreed on, until that is complete. */
  policy(): Policy {
    const resyncFrom = this.memory.state?.resyncFrom;
    return resyncFrom === undefined ? this.context.policy : { ...this.context.policy, initial: resyncFrom };
  }

  private decide(mark: Mark, situation: Situation, presumed: boolean): Examined {
    const held = this.memory.archive.mark(mark.key);
    if (held?.kind === 'ordered') return this.decideOrdered(mark, situation);
    const winner = held?.kind === 'hold' ? held.keep : undefined;
    const policy = this.policy();
    const decision = winner === undefined ? reconcile(situation, policy) : impose(situation, winner, policy);
    return { mark, situation, decision, presumed };
  }

  private decideOrdered(mark: Mark, situation: Situation): Examined {
    const order = this.memory.archive.order(mark.key);
    const step = order && carryOut(situation, order, this.policy());
    if (step !== undefined) return { mark, situation, decision: step, presumed: false };
    const decision = reconcile(situation, this.policy());
    return { mark, situation, decision, presumed: false, isOrderOver: true };
  }

  private situation(mark: Mark, readings: Pair<Readings>): Situation {
    const { key } = mark;
    const { archive, state } = this.memory;
    const known = archive.mark(key);
    const unread: Reading = { kind: 'unknown', reason: 'not-read' };
    const left = readings.left.get(key) ?? unread;
    const right = readings.right.get(key) ?? unread;
    return {
      key,
      record: archive.record(key),
      readings: { left, right },
      ours: { left: this.isOurs('left', key, left), right: this.isOurs('right', key, right) },
      written: {
        left: writtenAt(state, 'left', left, this.seen.atMs('left', key, left), known !== undefined),
        right: writtenAt(state, 'right', right, this.seen.atMs('right', key, right), known !== undefined),
      },
      drifted: known?.kind === 'drift',
    };
  }

  private isOurs(side: Side, key: EntryKey, reading: Reading | undefined): boolean {
    const { archive, state } = this.memory;
    if (state === undefined || reading?.kind !== 'present') return false;
    const { modified } = reading.version;
    // An entry that came back into scope is like a new one, whoever wrote it before it left.
    if (modified <= state.scopeSince[side] && archive.record(key) === undefined) return false;
    const isNumbered =
      wroteVersion(state.ledgers[side], modified) ||
      state.unrecorded[side].includes(modified) ||
      this.provenance.has(side, modified);
    return isNumbered || isAnnounced(state.intents, side, key, reading);
  }

  private isInStep(mark: Mark, readings: Pair<Readings>): boolean {
    const reading = mark.at && readings[mark.at].get(mark.key);
    if (mark.at === undefined || reading?.kind !== 'present') return false;
    const { archive } = this.memory;
    if (archive.mark(mark.key) !== undefined) return false;
    return !needsLook(archive.record(mark.key), { ...reading, empty: isEmpty(reading) }, mark.at);
  }

  private async readBoth(marks: Pair<readonly Mark[]>, read: Read): Promise<Omit<Sight, 'open'>> {
    const ledgers = new Map<Side, StoredLedger | undefined>();
    const readings: Record<Side, Readings> = { left: NO_READINGS, right: NO_READINGS };
    const ends = await Promise.allSettled(
      SIDES.map(async (side) => {
        const keys = marks[side].map(({ key }) => key);
        if (keys.length === 0) return;
        const answer = await read(side, keys);
        if ('ledger' in answer) ledgers.set(side, answer.ledger);
        readings[side] = answer.readings;
        // Also where the other side can't be reached: it tells when this one was written.
        this.seen.note(side, answer.readings);
      }),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return { readings, ledgers };
  }

  /** A side that is only read may have none, or one that may not be read. */
  private get haveLedgers(): boolean {
    return this.context.policy.source === undefined && this.memory.state?.ledgerless.length === 0;
  }

  /** One authoritative answer below the agreed version could still be a server that lags; two in a row are not. */
  private async confirmRegression(
    examined: readonly Examined[],
    signal: AbortSignal,
  ): Promise<Examination['regressed']> {
    for (const side of SIDES) {
      const suspect = examined.find(({ situation }) =>
        isRegressed(situation.record, situation.readings[side], side),
      );
      if (suspect === undefined) continue;
      const { key, record } = suspect.situation;
      const again = (await this.context.replicas[side].read([key], signal)).get(key);
      if (again !== undefined && isRegressed(record, again, side)) return { side, key };
    }
    return undefined;
  }
}

const NO_READINGS: Readings = new Map();

function walkedAt(marks: readonly Mark[], side: Side): Map<EntryKey, Reading> {
  const readings = new Map<EntryKey, Reading>();
  for (const { key, walked } of marks) if (walked?.side === side) readings.set(key, walked.reading);
  return readings;
}

/** A write that only makes what is missing, and overrules nobody. */
function isPlainCreate({ decision }: Examined): boolean {
  const { do: what } = decision;
  return (
    what === 'copy' &&
    decision.base === undefined &&
    decision.conflict === undefined &&
    decision.session === undefined
  );
}

/**
 * Decisions that need no newest state: a write that overrules nobody and only passes where the other side is as it was
 * seen, or none at all. Of a newer state, a watch tells again.
 */
function isSureByCondition({ decision }: Examined): boolean {
  if (decision.do === 'copy') return decision.conflict === undefined && decision.session === undefined;
  return decision.do === 'nothing' || (decision.do === 'record' && decision.record !== undefined);
}

/** A single value that went without the ledger, and arrived after it was given up. */
function isAnnounced(
  intents: readonly WriteIntent[],
  side: Side,
  key: EntryKey,
  reading: PresentReading,
): boolean {
  return intents.some(
    (intent) =>
      intent.kind === 'single' &&
      intent.side === side &&
      intent.key === key &&
      judgeSingle(intent, reading) === 'written',
  );
}

/** What of an entry tells whether it is as the archive has it. */
export type Met = Pick<ScannedEntry, 'version' | 'empty' | 'children' | 'isMisbound'>;

/** Whether what a walk found at one side calls for a look at the entry, given what the archive has of it. */
export function needsLook(record: ArchiveRecord | undefined, found: Met, side: Side): boolean {
  if (record === undefined) return true;
  if (record.kind === 'structure') {
    if (record.side !== side || !sameVersion(record.version, found.version)) return true;
    return record.owner === 'daemon' && found.children === 0;
  }
  if (!sameVersion(record.versions[side], found.version) || found.isMisbound === true) return true;
  // An empty entry that has become a parent: the daemon's copy of it may have to go.
  return record.empty && found.children > 0 && record.copy === otherSide(side);
}

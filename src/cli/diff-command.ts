import type { MappingConfig } from '../config/schema.js';
import type { Environment } from '../config/variables.js';
import { SIDE_NAMES } from '../daemon/mapping-context.js';
import type { OfflineAccess } from '../daemon/offline-access.js';
import type { DiffCounts, Difference } from '../sync/diff.js';
import { diffMapping } from '../sync/diff.js';
import { cutoverInLedgers } from '../daemon/start-outlook.js';
import { ReplicaError } from '../ports/errors.js';
import type { CutoverMoves } from '../core/cutover.js';
import { cutoverLines, cutoverName } from './cutover/cutover-note.js';
import { requireConfig, selectMappings } from './config-file.js';
import type { ExitCode } from './exit-code.js';
import { EXIT } from './exit-code.js';
import { JsonListWriter } from './json-list-writer.js';
import { mappingTitle } from './mapping-title.js';
import { withOfflineAccess } from './offline.js';
import { printableKey } from './printable.js';
import type { Cell } from './table.js';
import { alignedLines } from './table.js';
import type { Terminal } from './terminal.js';
import { showCount, showCounted } from './times.js';

export interface DiffCommandOptions {
  readonly config?: string;
  readonly json?: true;
  /** How many differences of a mapping are listed for a person. */
  readonly limit: number;
}

/** Nothing ends a comparison but its end: each request has a timeout of its own. */
const NEVER = new AbortController().signal;

/** The command `diff`: compares both sides now, whatever was agreed before. */
export async function diffCommand(
  terminal: Terminal,
  environment: Environment,
  names: readonly string[],
  options: DiffCommandOptions,
): Promise<ExitCode> {
  const config = await requireConfig(options.config, environment);
  const mappings = selectMappings(config, names);
  return withOfflineAccess(terminal, config, 'stores', async (access) => {
    const equal = options.json
      ? await diffAsJson(terminal, access, mappings)
      : await diffForPerson(terminal, access, mappings, options.limit);
    return equal ? EXIT.done : EXIT.found;
  });
}

async function diffForPerson(
  terminal: Terminal,
  access: OfflineAccess,
  mappings: readonly MappingConfig[],
  limit: number,
): Promise<boolean> {
  let equal = true;
  for (const mapping of mappings) {
    const listed: Difference[] = [];
    const report = (difference: Difference) => {
      if (listed.length < limit) listed.push(difference);
    };
    const counts = await diff(terminal, access, mapping, report);
    const moves = await movesOf(access, mapping);
    const notes = cutoverLines(mapping, moves).map((line) => `  ${line}`);
    terminal.print(mappingTitle(terminal, mapping), ...notes, ...summaryLines(terminal, mapping, counts));
    terminal.print(...differenceLines(terminal, listed));
    const unlisted = total(counts) - listed.length;
    if (unlisted > 0) terminal.print(`  ... and ${showCount(unlisted)} more (--limit N, --json)`);
    equal &&= isEqual(mapping, counts);
  }
  return equal;
}

async function diffAsJson(
  terminal: Terminal,
  access: OfflineAccess,
  mappings: readonly MappingConfig[],
): Promise<boolean> {
  const list = new JsonListWriter(terminal, {}, 'mappings');
  let equal = true;
  for (const mapping of mappings) {
    const entries = list.nested({ name: mapping.name }, 'differences');
    const counts = await diff(terminal, access, mapping, (one) => entries.item(differenceJson(one)));
    const { compared, onlyLeft, onlyRight, content, unknown, sessionBound, restricted } = counts;
    const only = { onlyInZookeeper: onlyLeft, onlyInConsul: onlyRight };
    const cutover = cutoverName(mapping, await movesOf(access, mapping));
    entries.end({
      cutover,
      compared,
      ...only,
      different: content,
      unknown,
      sessionBound,
      restricted,
      equal: isEqual(mapping, counts),
    });
    equal &&= isEqual(mapping, counts);
  }
  list.end({ equal });
  terminal.write('\n');
  return equal;
}

/** A ledger that can't be read is no reason not to compare. */
async function movesOf(access: OfflineAccess, mapping: MappingConfig): Promise<CutoverMoves | undefined> {
  try {
    return await cutoverInLedgers(access.context(mapping), NEVER);
  } catch (error) {
    if (error instanceof ReplicaError) return undefined;
    throw error;
  }
}

async function diff(
  terminal: Terminal,
  access: OfflineAccess,
  mapping: MappingConfig,
  report: (difference: Difference) => void,
): Promise<DiffCounts> {
  const unread: string[] = [];
  const { replicas, scope } = access.context(mapping, (keys) => void unread.push(...keys));
  const progress = terminal.progress();
  try {
    return await diffMapping(
      {
        replicas,
        includes: (key) => scope.includes(key),
        skipsRestricted: mapping.restricted === 'skip',
        report,
        takeUnread: () => unread.splice(0),
        progress: (compared) => progress.show(`${mapping.name}: ${showCount(compared)} keys compared`),
      },
      NEVER,
    );
  } finally {
    progress.clear();
  }
}

/** What a session owns is a difference only where the mapping copies such entries. */
function isEqual({ sessionBound }: MappingConfig, counts: DiffCounts): boolean {
  const ordinary = total(counts) - counts.sessionBound;
  return ordinary === 0 && (sessionBound === 'skip' || counts.sessionBound === 0);
}

function total({ onlyLeft, onlyRight, content, unknown, sessionBound }: DiffCounts): number {
  return onlyLeft + onlyRight + content + unknown + sessionBound;
}

function summaryLines(terminal: Terminal, mapping: MappingConfig, counts: DiffCounts): string[] {
  const compared = `${showCounted(counts.compared, 'key', 'keys')} compared`;
  const { restricted } = counts;
  const aside = restricted === 0 ? '' : `, ${showCount(restricted)} left out that not everybody may read`;
  if (total(counts) === 0) return [`  ${terminal.style('equal', 'green')}, ${compared}${aside}`];
  const leftOut = mapping.sessionBound === 'skip' ? ', which the mapping leaves out' : '';
  const parts = [
    [counts.onlyLeft, 'only in ZooKeeper'],
    [counts.onlyRight, 'only in Consul'],
    [counts.content, 'different'],
    [counts.unknown, 'not known'],
    [counts.sessionBound, `different and owned by a session${leftOut}`],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).map(([count, what]) => `${showCount(count)} ${what}`);
  const verdict = isEqual(mapping, counts)
    ? terminal.style('equal', 'green')
    : terminal.style('different', 'red');
  return [`  ${verdict}, ${compared}: ${shown.join(', ')}${aside}`];
}

function differenceLines(terminal: Terminal, differences: readonly Difference[]): string[] {
  const isSessionBound = (one: Difference) => one.kind !== 'unknown' && one.session !== undefined;
  const ordinary = differences.filter((one) => !isSessionBound(one));
  const sessionBound = differences.filter(isSessionBound);
  const lines = (some: readonly Difference[]) =>
    alignedLines(terminal, [{}, {}, {}, {}], some.map(differenceRow));
  const title = sessionBound.length === 0 ? [] : ['  Owned by a session:'];
  return [...lines(ordinary), ...title, ...lines(sessionBound)];
}

function differenceRow(difference: Difference): Cell[] {
  const key = printableKey(difference.key);
  switch (difference.kind) {
    case 'only': {
      const name = difference.on === 'left' ? 'ZooKeeper' : 'Consul';
      return ['', `only in ${name}`, showBytes(difference.bytes), key];
    }
    case 'content': {
      const { left, right } = difference.bytes;
      return ['', 'different', `${showCount(left)} and ${showBytes(right)}`, key];
    }
    case 'unknown':
      return ['', 'not known', `${SIDE_NAMES[difference.on]}: ${difference.reason}`, key];
  }
}

function showBytes(bytes: number): string {
  return showCounted(bytes, 'byte', 'bytes');
}

function differenceJson(difference: Difference): object {
  const { key } = difference;
  switch (difference.kind) {
    case 'only': {
      const { on, bytes, session } = difference;
      return { key, kind: `only-in-${SIDE_NAMES[on]}`, bytes, session: sessionName(session) };
    }
    case 'content': {
      const { left, right } = difference.bytes;
      const bytes = { zookeeper: left, consul: right };
      return { key, kind: 'different', bytes, session: sessionName(difference.session) };
    }
    case 'unknown':
      return { key, kind: 'unknown', on: SIDE_NAMES[difference.on], reason: difference.reason };
  }
}

function sessionName(session: 'left' | 'right' | 'both' | undefined): string | null {
  if (session === undefined || session === 'both') return session ?? null;
  return SIDE_NAMES[session];
}

import { holdAdvice } from '../admin/hold-advice.js';
import type { HoldAnswer, MappingAnswer, StatusAnswer, StoreAnswer } from './admin-answers.js';
import { groupedBy } from './grouped.js';
import { holdCommandLine } from './hold-command-line.js';
import { printableText } from '../core/printable-text.js';
import { printableKey } from './printable.js';
import type { Cell, Column } from './table.js';
import { alignedLines, tableLines } from './table.js';
import type { Style, Terminal } from './terminal.js';
import { showAge, showCount, showCounted, showDuration } from './times.js';

/** How many entries are listed of one kind. */
const KEYS_LISTED_MAX = 10;

/**
 * A daemon's status for a person.
 * @param daemon the options by which it was named
 */
export function statusLines(
  terminal: Terminal,
  status: StatusAnswer,
  daemon: readonly string[],
  nowMs: number,
): string[] {
  const { version, instance, role, uptimeSeconds, mappings } = status;
  const head = `zk-consul-sync ${version}, instance ${instance}, ${role}, up ${showDuration(uptimeSeconds)}`;
  return [
    terminal.style(printableText(head), 'bold'),
    ...storeLines(terminal, status),
    ...canaryLines(terminal, status, nowMs),
    '',
    ...mappingTable(terminal, mappings, nowMs),
    ...problemLines(terminal, mappings),
    ...cutoverLines(terminal, mappings, nowMs),
    ...mappings.flatMap((mapping) => holdLines(terminal, mapping, daemon, nowMs)),
    ...orderLines(terminal, mappings, nowMs),
    ...skippedLines(terminal, mappings),
    ...driftedLines(terminal, mappings),
    ...auditLines(terminal, status),
  ];
}

function auditLines(terminal: Terminal, { audit }: StatusAnswer): string[] {
  if (audit === null || audit === undefined || (audit.problem === null && audit.lost === 0)) return [];
  const problem = audit.problem === null ? '' : ` can't be written: ${audit.problem}`;
  const lost = audit.lost === 0 ? '' : `; ${showCounted(audit.lost, 'line is', 'lines are')} lost`;
  return ['', terminal.style(printableText(`The audit log ${audit.file}${problem}${lost}`), 'yellow')];
}

function storeLines(terminal: Terminal, { replicas }: StatusAnswer): string[] {
  const row = (name: string, { connected, address, server, lastError }: StoreAnswer): Cell[] => [
    name,
    connected ? { text: 'connected', style: 'green' } : { text: 'NOT CONNECTED', style: 'red' },
    printableText(address),
    printableText((connected ? server : lastError) ?? ''),
  ];
  const rows = [row('ZooKeeper', replicas.zookeeper), row('Consul', replicas.consul)];
  return alignedLines(terminal, [{}, {}, {}, {}], rows);
}

/** How long a change takes now, end to end. */
function canaryLines(terminal: Terminal, { canary }: StatusAnswer, nowMs: number): string[] {
  if (canary === null || canary === undefined) return [];
  if (canary.paused) return ['Canary: rests, since every mapping is paused'];
  if (canary.role !== 'active') return ['Canary: sent by another daemon'];
  const arrivals = [canary.toConsul, canary.toZookeeper];
  const problems = arrivals.flatMap(({ problem }) => (problem === null ? [] : [problem]));
  if (problems.length > 0) {
    return problems.map((problem) => terminal.style(printableText(`Canary: ${problem}`), 'red'));
  }
  const [toConsul, toZookeeper] = arrivals.map(({ lagSeconds, lastSeenAt }) =>
    lagSeconds === null
      ? 'none yet'
      : `${showCount(Math.ceil(lagSeconds * 1000))} ms, ${showAge(lastSeenAt, nowMs)}`,
  );
  return [`Canary: to Consul ${toConsul ?? ''}; to ZooKeeper ${toZookeeper ?? ''}`];
}

const COLUMNS: readonly Column[] = [
  { title: 'MAPPING' },
  { title: 'STATE' },
  { title: 'IN SYNC' },
  { title: 'ENTRIES', align: 'right' },
  { title: 'TO ZOOKEEPER', align: 'right' },
  { title: 'TO CONSUL', align: 'right' },
  { title: 'CONFLICTS', align: 'right' },
  { title: 'HELD', align: 'right' },
  { title: 'LEFT OUT', align: 'right' },
  { title: 'VERIFIED' },
];

const STATE_STYLES: Readonly<Record<string, Style>> = {
  live: 'green',
  starting: 'yellow',
  paused: 'yellow',
  held: 'red',
  degraded: 'red',
};

function mappingTable(terminal: Terminal, mappings: readonly MappingAnswer[], nowMs: number): string[] {
  const rows = mappings.map((mapping): Cell[] => [
    printableText(mapping.name),
    { text: printableText(mapping.state), style: STATE_STYLES[mapping.state] },
    inSyncCell(mapping, nowMs),
    showCount(mapping.entries),
    showCount(mapping.pending.toZookeeper),
    showCount(mapping.pending.toConsul),
    `${showCount(mapping.conflicts.open)} of ${showCount(mapping.conflicts.total)}`,
    showCount(mapping.holds.length),
    showCount(mapping.skippedTotal),
    showAge(mapping.lastVerifiedAt, nowMs),
  ]);
  return tableLines(terminal, COLUMNS, rows);
}

function inSyncCell({ inSync, inSyncSince }: MappingAnswer, nowMs: number): Cell {
  if (!inSync) return { text: 'no', style: 'yellow' };
  if (inSyncSince === null) return 'yes';
  return `for ${showDuration((nowMs - Date.parse(inSyncSince)) / 1000)}`;
}

/** What is no longer as it is configured. */
function cutoverLines(terminal: Terminal, mappings: readonly MappingAnswer[], nowMs: number): string[] {
  const lines = mappings.flatMap(({ name, cutover: { step, since } }) =>
    step === null || since === null || step === 'both'
      ? []
      : [`  ${printableText(`${name}: ${step}, since ${showAge(since, nowMs)}`)}`],
  );
  return lines.length === 0 ? [] : ['', terminal.style('On the way to Consul:', 'bold'), ...lines];
}

/** What is tried again by itself. */
function problemLines(terminal: Terminal, mappings: readonly MappingAnswer[]): string[] {
  const lines = mappings.flatMap(({ name, problem }) =>
    typeof problem === 'string' ? [`  ${printableText(`${name}: ${problem}`)}`] : [],
  );
  return lines.length === 0 ? [] : ['', terminal.style('Tried again by itself:', 'yellow'), ...lines];
}

/** What is held, by reason, and what can be done about it. */
function holdLines(
  terminal: Terminal,
  mapping: MappingAnswer,
  daemon: readonly string[],
  nowMs: number,
): string[] {
  const byReason = groupedBy(mapping.holds, ({ reason }) => reason);
  return [...byReason].flatMap(([reason, holds]) => [
    '',
    terminal.style(`Held: ${printableText(`${mapping.name}, ${reason}`)}`, 'red'),
    ...holds.slice(0, KEYS_LISTED_MAX).map((hold) => `  ${describeHold(hold, nowMs)}`),
    ...moreLine(holds.length),
    ...adviceLines(mapping.name, reason, holds[0]?.key ?? null, daemon),
  ]);
}

function describeHold({ key, since, detail }: HoldAnswer, nowMs: number): string {
  const what = key === null ? 'the mapping' : printableKey(key);
  return `${what}, ${showAge(since, nowMs)}: ${printableText(detail)}`;
}

function adviceLines(
  mapping: string,
  reason: string,
  key: string | null,
  daemon: readonly string[],
): string[] {
  const advice = holdAdvice(reason);
  if (advice === undefined) return [];
  // The shell would end the word there, and name another entry.
  if (key?.includes('\0') === true) {
    return [
      `  ${advice.first}`,
      '    # no command line can name a key with a zero byte: see docs/http-api.md',
    ];
  }
  const commands = advice.commands.map((command) => [
    `    # ${command.effect}`,
    `    ${holdCommandLine(daemon, mapping, key, command)}`,
  ]);
  return [`  ${advice.first}`, ...commands.flat()];
}

/** Orders are carried out within moments: what is older waits for something. */
const ORDER_PATIENCE_MS = 10_000;

/** What a person has ordered (a restore from the trash, a resolved conflict) and could not be written for a while. */
function orderLines(terminal: Terminal, mappings: readonly MappingAnswer[], nowMs: number): string[] {
  const lines = mappings.flatMap(({ name, orders, ordersTotal }) => {
    const late = orders.filter(({ since }) => nowMs - Date.parse(since ?? '') > ORDER_PATIENCE_MS);
    const reasons = [...groupedBy(late, ({ why }) => why ?? 'it is tried again')];
    return reasons.flatMap(([why, some]) => [
      `  ${printableText(`${name}: ${why}`)}`,
      ...some
        .slice(0, KEYS_LISTED_MAX)
        .map(({ key, since }) => `    ${printableKey(key)}, ${showAge(since, nowMs)}`),
      ...moreLine(some.length + ordersTotal - orders.length).map((line) => `  ${line}`),
    ]);
  });
  const title = 'Ordered, and not written yet (it is done as soon as it can be, over restarts too):';
  return lines.length === 0 ? [] : ['', terminal.style(title, 'yellow'), ...lines];
}

interface Listed {
  readonly key: string;
  /** Why it is listed. */
  readonly what: string;
}

function skippedLines(terminal: Terminal, mappings: readonly MappingAnswer[]): string[] {
  const lines = mappings.flatMap(({ name, skipped, skippedTotal }) => {
    const entries = skipped.map(({ key, reason }) => ({ key, what: reason }));
    return listedLines(name, entries, skippedTotal);
  });
  return lines.length === 0 ? [] : ['', terminal.style('Left out:', 'yellow'), ...lines];
}

function driftedLines(terminal: Terminal, mappings: readonly MappingAnswer[]): string[] {
  const lines = mappings.flatMap(({ name, drifted, driftedTotal }) => {
    const entries = drifted.map(({ key, change }) => ({ key, what: change }));
    return listedLines(name, entries, driftedTotal);
  });
  const title = 'Changed by others on the target of a one-way mapping, and left alone:';
  return lines.length === 0 ? [] : ['', terminal.style(title, 'yellow'), ...lines];
}

/** @param total how many there are; the daemon lists only so many */
function listedLines(mapping: string, entries: readonly Listed[], total: number): string[] {
  const unlisted = total - entries.length;
  return [
    ...[...groupedBy(entries, ({ what }) => what)].flatMap(([what, some]) => [
      `  ${printableText(`${mapping}, ${what}`)}: ${showCounted(some.length, 'entry', 'entries')}`,
      ...some.slice(0, KEYS_LISTED_MAX).map(({ key }) => `    ${printableKey(key)}`),
      ...moreLine(some.length).map((line) => `  ${line}`),
    ]),
    ...(unlisted > 0
      ? [`  ${printableText(mapping)}: ${showCount(unlisted)} more that the daemon does not list`]
      : []),
  ];
}

function moreLine(count: number): string[] {
  return count > KEYS_LISTED_MAX ? [`  ... and ${showCount(count - KEYS_LISTED_MAX)} more (--json)`] : [];
}

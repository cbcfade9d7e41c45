import type { MappingConfig } from '../config/schema.js';
import type { PlannedStart } from '../daemon/offline-plan.js';
import type { StandingHold, StartOutlook } from '../daemon/start-outlook.js';
import type { LossCount } from '../services/loss-counts.js';
import type { PlannedAction } from '../ports/control.js';
import { cutoverLines } from './cutover/cutover-note.js';
import { mappingTitle } from './mapping-title.js';
import { printableText } from '../core/printable-text.js';
import { lossText } from './loss-text.js';
import { printableKey } from './printable.js';
import { alignedLines } from './table.js';
import type { Style, Terminal } from './terminal.js';
import { showCount, showCounted } from './times.js';

type ActionName = PlannedAction['action'];

/** What can do harm comes first. */
const ACTIONS: readonly ActionName[] = ['delete', 'conflict', 'hold', 'skip', 'drift', 'update', 'create'];

const ACTION_STYLES: Readonly<Record<ActionName, Style | undefined>> = {
  delete: 'red',
  conflict: 'yellow',
  hold: 'yellow',
  skip: 'yellow',
  drift: 'yellow',
  update: undefined,
  create: 'green',
};

/** The first actions of each kind, as many as are to be listed, and how many there are of each. */
export class ListedActions {
  private readonly kinds = new Map<ActionName, { listed: PlannedAction[]; count: number }>();

  constructor(private readonly limit: number) {}

  add(action: PlannedAction): void {
    const kind = this.kinds.get(action.action) ?? { listed: [], count: 0 };
    this.kinds.set(action.action, kind);
    kind.count++;
    if (kind.listed.length < this.limit) kind.listed.push(action);
  }

  of(name: ActionName): { readonly listed: readonly PlannedAction[]; readonly count: number } {
    return this.kinds.get(name) ?? { listed: [], count: 0 };
  }
}

/** What a start of one mapping would find, and what it would do. */
export interface MappingPlan {
  readonly outlook: StartOutlook;
  readonly start: PlannedStart;
  /** Entries that a walk came across and may not read; a start leaves them alone. */
  readonly unread: number;
  /** What copies of services can't hold. */
  readonly losses: readonly LossCount[];
}

export interface ShownPlan extends MappingPlan {
  readonly mapping: MappingConfig;
  readonly hasArchive: boolean;
  readonly listed: ListedActions;
}

/** The plan of one mapping for a person: what stands in the way, the sums, then lists. */
export function planLines(terminal: Terminal, shown: ShownPlan): string[] {
  const { mapping, outlook, start, listed } = shown;
  return [
    mappingTitle(terminal, mapping),
    ...circumstances(terminal, shown).map((line) => `  ${line}`),
    ...outlook.holds.map((hold) => `  ${holdLine(terminal, hold)}`),
    ...start.guards.map(({ reason, detail }) => {
      const held = terminal.style(`Would be held as ${reason}:`, 'red');
      return `  ${held} ${detail}. Nothing of it is written before an operator approves.`;
    }),
    ...sums(terminal, shown).map((line) => `  ${line}`),
    ...shown.losses.map((loss) => `  ${lossLine(terminal, loss)}`),
    ...actionLines(terminal, listed).map((line) => `  ${line}`),
  ];
}

function circumstances(terminal: Terminal, { mapping, hasArchive, outlook }: ShownPlan): string[] {
  const lines: string[] = [];
  if (!hasArchive && mapping.services === undefined)
    lines.push('There is no archive: nothing was ever agreed on, and nothing would be deleted.');
  else if (!hasArchive)
    lines.push(
      'There is no archive: of what was shown before, only copies without originals would be deleted.',
    );
  if (outlook.pairing === 'new') lines.push("A start would make this mapping's ledgers in both stores.");
  if (mapping.mode === 'observe')
    lines.push(terminal.style('mode: observe. Nothing of this would be written.', 'yellow'));
  lines.push(...cutoverLines(mapping, outlook.cutover));
  if (outlook.paused)
    lines.push(terminal.style('Paused. Nothing of this would be written before it is resumed.', 'yellow'));
  return lines;
}

function holdLine(terminal: Terminal, { reason, detail, stopsAll }: StandingHold): string {
  const effect = stopsAll ? ' Nothing of this would be written before an operator decides.' : '';
  return `${terminal.style(`Held as ${reason}:`, 'red')} ${printableText(detail)}.${effect}`;
}

function lossLine(terminal: Terminal, loss: LossCount): string {
  return `${terminal.style('Not carried over:', 'yellow')} ${lossText(loss)}`;
}

function sums(terminal: Terminal, { start, unread }: MappingPlan): string[] {
  const { entries, create, update, delete: deletes, conflicts, held, skipped, drifted } = start;
  const row = (name: string, { zookeeper, consul }: PlannedStart['entries']) => [
    name,
    showCount(zookeeper),
    showCount(consul),
  ];
  const titles = ['', 'ZOOKEEPER', 'CONSUL'].map((text) => ({ text, style: 'bold' as const }));
  const rows = [
    titles,
    row('keys now', entries),
    row('create', create),
    row('update', update),
    row('delete', deletes),
  ];
  const others = [
    showCounted(conflicts, 'conflict', 'conflicts'),
    `${showCount(held)} held`,
    `${showCount(skipped)} left out`,
    `${showCount(drifted)} drifted`,
    `${showCount(unread)} not readable`,
  ];
  return [...alignedLines(terminal, [{}, { align: 'right' }, { align: 'right' }], rows), others.join(', ')];
}

function actionLines(terminal: Terminal, actions: ListedActions): string[] {
  const rows = ACTIONS.flatMap((name) => actions.of(name).listed).map((action) => [
    { text: action.action, style: ACTION_STYLES[action.action] },
    action.on === undefined ? '' : `in ${action.on}`,
    [printableKey(action.key), ...detailOf(action)].join('  '),
  ]);
  const more = ACTIONS.flatMap((name) => {
    const { listed, count } = actions.of(name);
    const unlisted = count - listed.length;
    return unlisted > 0 ? [`${name}: ... and ${showCount(unlisted)} more (--limit N, --json)`] : [];
  });
  return [...alignedLines(terminal, [{}, {}, {}], rows), ...more];
}

/** What the columns before it have said. */
const DELETES = /^delete in \w+: /;

/** Creates and updates need no words: the other side has what this one lacks. */
function detailOf({ action, detail }: PlannedAction): string[] {
  return action === 'create' || action === 'update'
    ? []
    : [`(${printableText(detail.replace(DELETES, ''))})`];
}

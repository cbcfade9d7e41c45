import { printableText } from '../../core/printable-text.js';
import { mappingTitle } from '../mapping-title.js';
import { printableKey } from '../printable.js';
import { alignedLines } from '../table.js';
import type { Style, Terminal } from '../terminal.js';
import { showCount } from '../times.js';
import type { BackupHeader } from './backup-format.js';
import type { RestoreCounts, Restoration, RestoreStep } from './restoring.js';

type StepName = RestoreStep['action'];

/** What can do harm comes first. */
const STEPS: readonly StepName[] = ['delete', 'leave-out', 'update', 'create'];

const STYLES: Readonly<Record<StepName, Style | undefined>> = {
  delete: 'red',
  'leave-out': 'yellow',
  update: undefined,
  create: 'green',
};

/** The first steps of each kind, as many as are to be listed, and how many there are of each. */
export class ListedSteps {
  private readonly kinds = new Map<StepName, { listed: RestoreStep[]; count: number }>();

  constructor(private readonly limit: number) {}

  add(step: RestoreStep): void {
    const kind = this.kinds.get(step.action) ?? { listed: [], count: 0 };
    this.kinds.set(step.action, kind);
    kind.count++;
    if (kind.listed.length < this.limit) kind.listed.push(step);
  }

  lines(terminal: Terminal): string[] {
    const kinds = STEPS.flatMap((name) => {
      const kind = this.kinds.get(name);
      return kind === undefined ? [] : [{ name, ...kind }];
    });
    const rows = kinds
      .flatMap(({ listed }) => listed)
      .map((step) => [
        { text: step.action, style: STYLES[step.action] },
        [printableKey(step.key), ...detailOf(step)].join('  '),
      ]);
    const more = kinds.flatMap(({ name, listed, count }) => {
      const unlisted = count - listed.length;
      return unlisted > 0 ? [`${name}: ... and ${showCount(unlisted)} more (--limit N, --json)`] : [];
    });
    return [...alignedLines(terminal, [{}, {}], rows), ...more];
  }
}

function detailOf(step: RestoreStep): string[] {
  return step.action === 'leave-out' ? [`(${step.reason}: ${printableText(step.detail)})`] : [];
}

export interface ShownRestore {
  readonly restoration: Restoration;
  readonly header: BackupHeader;
  readonly counts: RestoreCounts;
  readonly listed: ListedSteps;
}

const STORE_NAMES = { zookeeper: 'ZooKeeper', consul: 'Consul' } as const;

/** What a restore of one mapping would do. */
export function previewLines(
  terminal: Terminal,
  { restoration, header, counts, listed }: ShownRestore,
): string[] {
  const { mapping, from, to } = restoration;
  const kept = header.mappings.find(({ name }) => name === mapping.name);
  const made = `Restores what ${STORE_NAMES[from]} held at ${header.madeAt} to ${STORE_NAMES[to]}`;
  const isElsewhere = kept?.zookeeper !== mapping.zookeeper || kept.consul !== mapping.consul;
  const places =
    kept === undefined ? '' : `${printableText(kept.zookeeper)} and ${printableText(kept.consul)}/`;
  const elsewhere = `The backup was made of other places: ${places}, of instance ${printableText(header.instance)}.`;
  return [
    mappingTitle(terminal, mapping),
    `  ${made}`,
    ...(isElsewhere ? [`  ${terminal.style(elsewhere, 'yellow')}`] : []),
    `  ${countLine(counts, 'to create', 'to update', 'to delete')}`,
    ...listed.lines(terminal).map((line) => `  ${line}`),
  ];
}

/** What a restore of one mapping has done. */
export function writtenLines(
  terminal: Terminal,
  name: string,
  done: RestoreCounts & { readonly overwrittenInRace: readonly string[] },
  listed: ListedSteps,
): string[] {
  const raced = done.overwrittenInRace.map(
    (key) =>
      `  ${terminal.style('overwritten', 'red')}  ${printableKey(key)}  (a client made it anew in the moment of the write)`,
  );
  return [
    `${name}: ${countLine(done, 'created', 'updated', 'deleted')}`,
    ...listed.lines(terminal).map((line) => `  ${line}`),
    ...raced,
  ];
}

function countLine(counts: RestoreCounts, create: string, update: string, remove: string): string {
  const { create: created, update: updated, delete: deleted, same, leftOut } = counts;
  const parts = [
    `${showCount(created)} ${create}`,
    `${showCount(updated)} ${update}`,
    `${showCount(deleted)} ${remove}`,
    `${showCount(same)} as they are to be`,
    `${showCount(leftOut)} left out`,
  ];
  return parts.join(', ');
}

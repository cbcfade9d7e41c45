import type { Config, MappingConfig } from '../../config/schema.js';
import type { OfflineAccess } from '../../daemon/offline-access.js';
import { stepReached } from '../../core/cutover.js';
import { cutoverInLedgers } from '../../daemon/start-outlook.js';
import { requireConfig } from '../config-file.js';
import type { ExitCode } from '../exit-code.js';
import { CommandError, EXIT, usageError } from '../exit-code.js';
import { JsonListWriter } from '../json-list-writer.js';
import { withOfflineAccess } from '../offline.js';
import type { Question } from '../operate/consent.js';
import { consents, mustBeAskable } from '../operate/consent.js';
import type { Surroundings, Terminal } from '../terminal.js';
import { showCount, showCounted } from '../times.js';
import type { BackupContents } from './backup-reader.js';
import { verifyBackup } from './backup-reader.js';
import { ListedSteps, previewLines, writtenLines } from './restore-lines.js';
import type { RestoreCounts, RestoreStep, Restoration } from './restoring.js';
import { Restoring } from './restoring.js';

export interface RestoreOptions {
  readonly config?: string;
  readonly json?: true;
  readonly from?: 'zookeeper' | 'consul';
  readonly to?: 'zookeeper' | 'consul';
  /** Only shows what it would do. */
  readonly dryRun?: true;
  readonly yes?: true;
  /** The name of the mapping in which everything that the file lacks is deleted. */
  readonly deleteOthers?: string;
  readonly defaultAcl?: true;
  /** How many entries of each kind are listed for a person. */
  readonly limit: number;
}

/** One mapping of the file on its way back. */
interface Restored {
  readonly restoration: Restoration;
  readonly restoring: Restoring;
  readonly preview: RestoreCounts;
}

/** The command `restore`: makes one side of mappings hold what a backup has, after showing what that takes. */
export async function restoreCommand(
  terminal: Terminal,
  surroundings: Surroundings,
  { file, names }: { readonly file: string; readonly names: readonly string[] },
  options: RestoreOptions,
): Promise<ExitCode> {
  if (options.dryRun === undefined) mustBeAskable(terminal, options);
  const config = await requireConfig(options.config, surroundings.environment);
  const contents = await verifyBackup(file);
  const restorations = restorationsOf(config, contents, { file, names }, options);
  return withOfflineAccess(terminal, config, 'stores', async (access) => {
    for (const restoration of restorations) await refuseMirror(access, restoration);
    const run = new RestoreRun(terminal, access, contents, options);
    const restored = await run.preview(restorations);
    const count = restored.reduce((sum, { preview }) => sum + writesOf(preview), 0);
    if (options.dryRun || count === 0) {
      run.end();
      return count === 0 && run.isComplete ? EXIT.done : EXIT.found;
    }
    if (!(await consents(terminal, questionOf(restored, count), options))) {
      run.end();
      return EXIT.found;
    }
    await run.carryOut(restored, surroundings.interrupted());
    run.end();
    return run.isComplete ? EXIT.done : EXIT.found;
  });
}

function writesOf({ create, update, delete: deletes }: RestoreCounts): number {
  return create + update + deletes;
}

function questionOf(restored: readonly Restored[], count: number): Question {
  const places = restored.map(({ restoration: { mapping, to } }) => `${mapping.name} in ${STORE_NAMES[to]}`);
  const text = `Write ${showCounted(count, 'entry', 'entries')}: ${places.join(', ')}?`;
  return { kind: 'yes-or-no', text };
}

const STORE_NAMES = { zookeeper: 'ZooKeeper', consul: 'Consul' } as const;

/** @throws CommandError where the file, the configuration and what was asked for don't fit together */
function restorationsOf(
  config: Config,
  contents: BackupContents,
  { file, names }: { readonly file: string; readonly names: readonly string[] },
  options: RestoreOptions,
): Restoration[] {
  const { header } = contents;
  const inFile = new Map(header.mappings.map((kept) => [kept.name, kept]));
  const wanted = names.length === 0 ? [...inFile.keys()] : names;
  const restorations = wanted.map((name): Restoration => {
    const kept = inFile.get(name);
    const mapping = config.mappings.find((one) => one.name === name);
    const known = [...inFile.keys()].join(', ');
    if (kept === undefined)
      throw usageError(`${file} has no mapping called ${JSON.stringify(name)}, but ${known}`);
    if (mapping === undefined) {
      throw usageError(`${file} has a mapping called ${JSON.stringify(name)}, which the configuration lacks`);
    }
    const to = targetOf(mapping, options.to);
    const from = options.from ?? (kept.side === 'both' ? to : kept.side);
    if (kept.side !== 'both' && from !== kept.side) {
      throw usageError(`${file} has only what ${kept.side} held of ${name}: --from ${from} is not in it`);
    }
    const deleteOthers = options.deleteOthers === name;
    if (deleteOthers) requireComplete(file, name, contents);
    return {
      file,
      state: contents.state,
      mapping,
      from,
      to,
      deleteOthers,
      defaultAcl: options.defaultAcl === true,
    };
  });
  requireNamed(options.deleteOthers, wanted);
  return restorations;
}

/** What could not be read may have been there, and so may what is below it. */
function requireComplete(file: string, name: string, { counts }: BackupContents): void {
  const unread = counts.get(name)?.unread ?? 0;
  if (unread === 0) return;
  throw new CommandError(
    EXIT.found,
    `${file} is not complete: ${showCounted(unread, 'entry', 'entries')} of ${name} could not be read for it, so that it can't be told what it lacks. Leave out --delete-others`,
  );
}

function requireNamed(deleteOthers: string | undefined, wanted: readonly string[]): void {
  if (deleteOthers === undefined || (wanted.length === 1 && wanted[0] === deleteOthers)) return;
  throw usageError(
    `--delete-others has to name the one mapping that is restored (${wanted.join(', ')}), not ${JSON.stringify(deleteOthers)}`,
  );
}

/** What is written on the target of a one-way mapping is drift, and may be taken back. */
function targetOf({ name, direction }: MappingConfig, asked: RestoreOptions['to']): 'zookeeper' | 'consul' {
  const source = {
    both: undefined,
    'zookeeper-to-consul': 'zookeeper',
    'consul-to-zookeeper': 'consul',
  } as const;
  const only = source[direction];
  if (only !== undefined && asked !== undefined && asked !== only) {
    throw usageError(
      `${name} is one-way (${direction}): restore it to its source, --to ${only}; the daemon carries it over`,
    );
  }
  // Of the two, ZooKeeper is where who may read an entry comes back with it.
  return asked ?? only ?? 'zookeeper';
}

/** At the last step of its cutover, a mapping is one-way although it is configured both ways. */
async function refuseMirror(access: OfflineAccess, { mapping, to }: Restoration): Promise<void> {
  if (to !== 'zookeeper' || mapping.direction !== 'both') return;
  const moves = await cutoverInLedgers(access.context(mapping), AbortSignal.timeout(LEDGER_TIMEOUT_MS));
  if (stepReached(moves) !== 'left-mirror') return;
  throw new CommandError(
    EXIT.found,
    `${mapping.name} is at the step zookeeper-mirror of its cutover: restore it to its source, --to consul; the daemon carries it over`,
  );
}

const LEDGER_TIMEOUT_MS = 10_000;

/** Why entries are left out that nobody expects back. */
const BY_POLICY: ReadonlySet<string> = new Set(['session-bound', 'excluded']);

/** Shows and does it, for a person or as JSON. */
class RestoreRun {
  private readonly list: JsonListWriter | undefined;
  private written: object[] | undefined;
  private complete = true;

  constructor(
    private readonly terminal: Terminal,
    private readonly access: OfflineAccess,
    private readonly contents: BackupContents,
    private readonly options: RestoreOptions,
  ) {
    if (!options.json) return;
    const { madeAt } = contents.header;
    this.list = new JsonListWriter(terminal, { madeAt, digest: contents.digest }, 'mappings');
  }

  async preview(restorations: readonly Restoration[]): Promise<Restored[]> {
    const restored: Restored[] = [];
    for (const restoration of restorations) {
      const restoring = new Restoring(restoration, this.access);
      restored.push({ restoration, restoring, preview: await this.previewOne(restoration, restoring) });
    }
    return restored;
  }

  /** Whether everything of the file stands, or will, but for what is left out by policy. */
  get isComplete(): boolean {
    return this.complete;
  }

  async carryOut(restored: readonly Restored[], signal: AbortSignal): Promise<void> {
    this.written = [];
    for (const { restoration, restoring } of restored) {
      const listed = new ListedSteps(this.options.limit);
      const { name } = restoration.mapping;
      const leftOut: object[] = [];
      const progress = this.terminal.progress();
      const done = await restoring
        .carryOut(
          (step) => {
            this.note(step, listed);
            if (this.list !== undefined)
              leftOut.push({ key: step.key, reason: step.reason, detail: step.detail });
          },
          (count) => progress.show(`${name}: ${showCount(count)} entries dealt with`),
          signal,
        )
        .finally(() => progress.clear());
      if (this.list === undefined) this.terminal.print(...writtenLines(this.terminal, name, done, listed));
      this.written.push({ name, ...done, leftOut });
    }
  }

  end(): void {
    if (this.list === undefined) return;
    this.list.end({ written: this.written ?? null });
    this.terminal.write('\n');
  }

  private note(step: RestoreStep, listed: ListedSteps): void {
    listed.add(step);
    if (step.action === 'leave-out' && !BY_POLICY.has(step.reason)) this.complete = false;
  }

  private async previewOne(restoration: Restoration, restoring: Restoring): Promise<RestoreCounts> {
    const { mapping, from, to } = restoration;
    const listed = new ListedSteps(this.options.limit);
    const steps = this.list?.nested({ name: mapping.name, from, to }, 'actions');
    const progress = this.terminal.progress();
    const counts = await restoring
      .preview(
        (step) => {
          this.note(step, listed);
          steps?.item(step);
        },
        (looked) => progress.show(`${mapping.name}: ${showCount(looked)} entries looked at`),
        NEVER,
      )
      .finally(() => progress.clear());
    steps?.end(counts);
    if (steps === undefined) {
      const header = this.contents.header;
      this.terminal.print(...previewLines(this.terminal, { restoration, header, counts, listed }));
    }
    return counts;
  }
}

/** Nothing ends a look but its end: each request has a timeout of its own. */
const NEVER = new AbortController().signal;

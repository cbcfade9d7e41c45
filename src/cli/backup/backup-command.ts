import type { Config, MappingConfig } from '../../config/schema.js';
import type { Environment } from '../../config/variables.js';
import { sideOf } from '../../daemon/mapping-context.js';
import type { OfflineAccess } from '../../daemon/offline-access.js';
import { keptEntries } from '../../daemon/offline-backup.js';
import { systemClock } from '../../daemon/system.js';
import { VERSION } from '../../daemon/version.js';
import { requireConfig, selectMappings } from '../config-file.js';
import type { ExitCode } from '../exit-code.js';
import { EXIT, usageError } from '../exit-code.js';
import { mappingTitle } from '../mapping-title.js';
import { withOfflineAccess } from '../offline.js';
import type { Terminal } from '../terminal.js';
import { showCount, showCounted } from '../times.js';
import { SealedWriter } from '../sealed-writer.js';
import { BACKUP_FORMAT, encodeItem } from './backup-format.js';
import type { BackupHeader, BackupItem } from './backup-format.js';

export interface BackupOptions {
  readonly config?: string;
  readonly json?: true;
  /** The only side to read; both without. */
  readonly from?: 'zookeeper' | 'consul';
}

/** The command `backup`: keeps all entries of mappings in a file that people can read. */
export async function backupCommand(
  terminal: Terminal,
  environment: Environment,
  { file, names }: { readonly file: string; readonly names: readonly string[] },
  options: BackupOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  if (file === '-' && options.json) {
    throw usageError(
      'the backup itself is JSON and goes to standard output: leave out --json, or name a file',
    );
  }
  const config = await requireConfig(options.config, environment);
  const mappings = mappingsOfKeys(config, names);
  const header = headerOf(config.instance, mappings, options.from);
  const writer = await SealedWriter.begin(file, terminal);
  try {
    await writer.header(header);
    return await withOfflineAccess(terminal, config, 'stores', async (access) => {
      const tallies: MappingTally[] = [];
      for (const mapping of mappings) {
        tallies.push(await backup(terminal, access, mapping, options.from, writer, signal));
      }
      const digest = await writer.end();
      tell(terminal, { file, digest, tallies }, options);
      return tallies.some(({ unread }) => unread > 0) ? EXIT.found : EXIT.done;
    });
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** Registrations belong to the programs that made them: one that was kept would stand for nobody. */
function mappingsOfKeys(config: Config, names: readonly string[]): readonly MappingConfig[] {
  const selected = selectMappings(config, names);
  const services = names.length === 0 ? undefined : selected.find((one) => one.services !== undefined);
  if (services !== undefined) {
    throw usageError(`${services.name} is a list of services, whose registrations are not kept`);
  }
  return selected.filter((one) => one.services === undefined);
}

function headerOf(
  instance: string,
  mappings: readonly MappingConfig[],
  from: BackupOptions['from'],
): BackupHeader {
  return {
    backup: BACKUP_FORMAT,
    madeAt: new Date(systemClock.nowMs()).toISOString(),
    madeBy: VERSION,
    instance,
    mappings: mappings.map(({ name, zookeeper, consul }) => ({
      name,
      zookeeper,
      consul,
      side: from ?? 'both',
    })),
  };
}

/** What was kept of one mapping. */
interface MappingTally {
  readonly mapping: MappingConfig;
  entries: number;
  /** Entries that the two sides do not agree on, those that only one of them has among them. */
  differing: number;
  sessionBound: number;
  hiddenAcls: number;
  unread: number;
}

async function backup(
  terminal: Terminal,
  access: OfflineAccess,
  mapping: MappingConfig,
  from: BackupOptions['from'],
  writer: SealedWriter,
  signal: AbortSignal,
): Promise<MappingTally> {
  const tally = { mapping, entries: 0, differing: 0, sessionBound: 0, hiddenAcls: 0, unread: 0 };
  const progress = terminal.progress();
  let last: string | undefined;
  try {
    for await (const chunk of keptEntries(access, mapping, from && sideOf(from), signal)) {
      const items = chunk.map((kept): BackupItem => ({ mapping: mapping.name, ...kept }));
      await writer.add(items.map(encodeItem));
      for (const item of items) {
        const isAgain = item.key === last;
        last = item.key;
        count(tally, item, isAgain, from);
      }
      progress.show(`${mapping.name}: ${showCount(tally.entries)} entries kept`);
    }
    return tally;
  } finally {
    progress.clear();
  }
}

/** @param isAgain the line before was about the same key */
function count(tally: MappingTally, item: BackupItem, isAgain: boolean, from: BackupOptions['from']): void {
  if ('unread' in item) {
    tally.unread++;
    return;
  }
  if (item.acl === 'hidden') tally.hiddenAcls++;
  if (isAgain) return;
  tally.entries++;
  if (item.session !== undefined) tally.sessionBound++;
  else if (from === undefined && item.side !== 'both') tally.differing++;
}

interface Told {
  readonly file: string;
  readonly digest: string;
  readonly tallies: readonly MappingTally[];
}

function tell(terminal: Terminal, { file, digest, tallies }: Told, { from, json }: BackupOptions): void {
  if (json) {
    const mappings = tallies.map(({ mapping, ...counts }) => ({
      name: mapping.name,
      side: from ?? 'both',
      ...counts,
    }));
    terminal.printJson({ file, digest, mappings });
    return;
  }
  // The backup has standard output for itself.
  const say = file === '-' ? (line: string) => terminal.note(line) : (line: string) => terminal.print(line);
  for (const tally of tallies) {
    say(mappingTitle(terminal, tally.mapping));
    for (const line of tallyLines(terminal, tally, from)) say(`  ${line}`);
  }
  if (file !== '-') say(`Written to ${file}`);
}

function tallyLines(terminal: Terminal, tally: MappingTally, from: BackupOptions['from']): string[] {
  const { entries, differing, sessionBound, hiddenAcls, unread } = tally;
  const source = { zookeeper: 'ZooKeeper', consul: 'Consul', both: 'both sides' }[from ?? 'both'];
  const lines = [`${showCounted(entries, 'entry', 'entries')} of ${source}`];
  const warn = (count: number, text: string) => {
    if (count > 0) lines.push(terminal.style(`${showCount(count)} ${text}`, 'yellow'));
  };
  warn(
    differing,
    'of them differ between the sides, or are on one side only: the content of each side is kept',
  );
  warn(sessionBound, 'of them are owned by sessions: they are kept, and a restore leaves them out');
  warn(
    hiddenAcls,
    'of them have ACLs of which ZooKeeper hides a part: give the daemon the right to administer them (a)',
  );
  warn(unread, 'could not be read: the backup is not complete');
  return lines;
}

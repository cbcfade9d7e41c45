import { configNotes } from '../../config/config-notes.js';
import { loadConfig } from '../../config/load-config.js';
import type { Config } from '../../config/schema.js';
import type { Environment } from '../../config/variables.js';
import { exposedFiles } from '../../daemon/exposed-files.js';
import { OfflineAccess } from '../../daemon/offline-access.js';
import { requireConfigFile } from '../config-file.js';
import type { ExitCode } from '../exit-code.js';
import { EXIT } from '../exit-code.js';
import { printableText } from '../../core/printable-text.js';
import { alignedLines } from '../table.js';
import type { Style, Terminal } from '../terminal.js';
import { showCounted } from '../times.js';
import { WarningLogger } from '../warning-logger.js';
import { checkArchive } from './check-archive.js';
import type { CheckedArchive } from './check-archive.js';
import { checkCanaryInConsul, checkCanaryInZooKeeper } from './check-canary.js';
import { checkConsul } from './check-consul.js';
import { checkLosses } from './check-losses.js';
import { checkConsulSide, checkLedgers, checkPairing, checkZooKeeperSide } from './check-mapping.js';
import { checkZooKeeper } from './check-zookeeper.js';
import type { Finding } from './finding.js';
import { Findings } from './finding.js';

export interface CheckOptions {
  readonly config?: string;
  readonly json?: true;
}

/** The command `check`: the file, then both stores, then each mapping. Leaves nothing behind anywhere. */
export async function checkCommand(
  terminal: Terminal,
  environment: Environment,
  options: CheckOptions,
): Promise<ExitCode> {
  const file = requireConfigFile(options.config, environment);
  const config = await loadConfig(file, environment);
  const findings = new Findings();
  findings.ok(
    'configuration',
    `${file} is valid, with ${showCounted(config.mappings.length, 'mapping', 'mappings')}`,
  );
  const notes = [...configNotes(config), ...(await exposedFiles(config, file))];
  for (const { path, message } of notes) findings.warn('configuration', `${path}: ${message}`);
  const archive = await checkArchive(config, findings);
  await checkStores(terminal, config, archive, findings);
  const exitCode = exitCodeOfFindings(findings.list);
  if (options.json === true) terminal.printJson(findingsJson(findings.list));
  else terminal.print(...findingLines(terminal, findings.list));
  return exitCode;
}

async function checkStores(
  terminal: Terminal,
  config: Config,
  checked: CheckedArchive,
  findings: Findings,
): Promise<void> {
  const archive = checked.kind === 'open' ? checked.archive : undefined;
  const access = await OfflineAccess.open(config, archive, new WarningLogger(terminal));
  try {
    const [zookeeper, consul] = [new Findings(), new Findings()];
    const [zookeeperAnswers, consulAnswers] = await Promise.all([
      checkZooKeeper(config, access.stores, zookeeper),
      checkConsul(config, access.stores, consul),
    ]);
    findings.addAll(zookeeper.list);
    findings.addAll(consul.list);
    for (const mapping of config.mappings) {
      const check = { config, mapping, access, findings };
      if (zookeeperAnswers) await checkZooKeeperSide(check);
      if (consulAnswers) await checkConsulSide(check);
      if (!zookeeperAnswers || !consulAnswers) continue;
      await checkLosses(check);
      if (checked.kind !== 'unusable')
        await (checked.kind === 'in-use' ? checkLedgers(check) : checkPairing(check));
    }
    if (!config.canary.enabled) return;
    if (zookeeperAnswers) await checkCanaryInZooKeeper(config, access.stores, findings);
    if (consulAnswers) await checkCanaryInConsul(config, access.stores, findings);
  } finally {
    await access.close();
  }
}

function exitCodeOfFindings(findings: readonly Finding[]): ExitCode {
  if (findings.some(({ unreachable }) => unreachable)) return EXIT.unreachable;
  return findings.some(({ level }) => level === 'fail') ? EXIT.found : EXIT.done;
}

const LEVEL_STYLES: Readonly<Record<Finding['level'], Style>> = { ok: 'green', warn: 'yellow', fail: 'red' };

function findingLines(terminal: Terminal, findings: readonly Finding[]): string[] {
  const rows = findings.map(({ level, about, message }) => [
    { text: level, style: LEVEL_STYLES[level] },
    printableText(about),
    printableText(message),
  ]);
  const count = (wanted: Finding['level']) => findings.filter(({ level }) => level === wanted).length;
  const failures = showCounted(count('fail'), 'failure', 'failures');
  const warnings = showCounted(count('warn'), 'warning', 'warnings');
  return [...alignedLines(terminal, [{}, {}, {}], rows), `${failures}, ${warnings}`];
}

function findingsJson(findings: readonly Finding[]) {
  const failed = findings.some(({ level }) => level === 'fail');
  return { ok: !failed, findings };
}

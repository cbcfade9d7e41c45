// Downloads Debian packages and unpacks them below the checkout, without root and without installing anything: apt
// works on a private state of its own, with the machine's mirror, proxy and signing keys.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { debianArchives } from './apt-sources.mjs';
import { SERVERS, SetupError, onPath } from './machine.mjs';

/** What the folders of unfinished work are called; one that is left over was interrupted. */
export const UNPACKING = 'unpacking-';
const APT_TIMEOUT_MS = 5 * 60_000;

/**
 * Unpacks `packages` of Debian `suite` (a code name) into `folder`, which appears complete or not at all.
 * @throws SetupError when the machine has no Debian archive, or none that still carries the suite
 */
export function unpackDebianPackages(suite, packages, folder) {
  if (onPath('apt-get') === undefined) throw new SetupError('this machine has no apt-get');
  const archives = debianArchives();
  if (archives.length === 0) throw new SetupError("apt's sources name no Debian archive");
  const failures = [];
  for (const archive of archives) {
    mkdirSync(SERVERS, { recursive: true });
    const scratch = mkdtempSync(join(SERVERS, UNPACKING));
    try {
      downloadPackages(archive, suite, packages, scratch);
      unpackAll(scratch, join(scratch, 'unpacked'));
      if (!existsSync(folder)) renameSync(join(scratch, 'unpacked'), folder);
      return;
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      failures.push(error.message);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  throw new SetupError(failures.join('\n'));
}

function downloadPackages(archive, suite, packages, scratch) {
  const options = privateAptOptions(archive, suite, scratch);
  run('apt-get', [...options, '--error-on=any', 'update'], scratch);
  run('apt-get', [...options, 'download', ...packages], scratch);
}

/** Command-line options that leave nothing of the machine's apt in play but its keys, its proxy and its credentials. */
function privateAptOptions(archive, suite, scratch) {
  for (const folder of ['lists/partial', 'cache/archives/partial', 'sources']) {
    mkdirSync(join(scratch, folder), { recursive: true });
  }
  const stanza = [
    'Types: deb',
    `URIs: ${archive.uris.join(' ')}`,
    `Suites: ${suite}`,
    'Components: main',
    ...archive.signing,
  ];
  writeFileSync(join(scratch, 'sources', 'debian.sources'), `${stanza.join('\n')}\n`);
  writeFileSync(join(scratch, 'status'), '');
  // Hooks of the machine's configuration that tidy its own caches; they are none of ours, and fail without root.
  const hooks = ['APT::Update::Pre-Invoke', 'APT::Update::Post-Invoke', 'APT::Update::Post-Invoke-Success'];
  writeFileSync(join(scratch, 'apt.conf'), hooks.map((hook) => `#clear ${hook};\n`).join(''));
  const settings = {
    'Dir::State': scratch,
    'Dir::State::lists': join(scratch, 'lists'),
    'Dir::State::status': join(scratch, 'status'),
    'Dir::Cache': join(scratch, 'cache'),
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(scratch, 'sources'),
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    // An old release is signed but no longer renewed. The signature is still checked.
    'Acquire::Check-Valid-Until': 'false',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'Acquire::http::Timeout': '30',
    'Acquire::https::Timeout': '30',
    // Run by root, apt would download as another user, who may not enter this folder.
    'APT::Sandbox::User': 'root',
  };
  const assignments = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return ['-q', '-c', join(scratch, 'apt.conf'), ...assignments];
}

function unpackAll(scratch, into) {
  for (const name of readdirSync(scratch).filter((name) => name.endsWith('.deb'))) {
    run('dpkg', ['-x', join(scratch, name), into], scratch);
  }
  makeLinksRelative(into);
}

/** A package's absolute links mean the installed system; here they must mean the unpacked folder. */
function makeLinksRelative(root) {
  for (const entry of readdirSync(root, { recursive: true })) {
    const path = join(root, entry);
    if (!lstatSync(path).isSymbolicLink()) continue;
    const target = readlinkSync(path);
    if (!target.startsWith('/') || !existsSync(join(root, target))) continue;
    unlinkSync(path);
    symlinkSync(relative(dirname(path), join(root, target)), path);
  }
}

function run(command, parameters, cwd) {
  const { status, error, stdout, stderr } = spawnSync(command, parameters, {
    cwd,
    encoding: 'utf8',
    timeout: APT_TIMEOUT_MS,
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status === 0) return;
  const verb = parameters.find((parameter) => /^(update|download|-x)$/.test(parameter)) ?? '';
  const reason =
    error?.message ??
    `${stdout}${stderr}`
      .split('\n')
      .filter((line) => /^[EW]:/.test(line))
      .join('\n');
  throw new SetupError(`${command} ${verb} failed: ${reason}`);
}

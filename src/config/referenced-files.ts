import { createSecureContext } from 'node:tls';
import type { ConfigProblem } from './problem.js';
import { problemAt } from './schema-problems.js';
import { secretFromFile } from './secret.js';
import type { SettingPath } from './setting-tree.js';
import { formatPath } from './setting-tree.js';
import { SettingsLookup } from './settings-lookup.js';
import type { ReadSettings } from './settings-reader.js';

/** Reads a whole file, within bounds of size and time of its own. */
export type ReadFile = (file: string) => Promise<Uint8Array>;

/** Checks that the files a configuration names are there, and are what they should be. */
export async function checkReferencedFiles(
  settings: ReadSettings,
  readFile: ReadFile,
): Promise<ConfigProblem[]> {
  const look = new SettingsLookup(settings);
  const problems: ConfigProblem[] = [];
  const contents = new Map<string, Uint8Array>();
  for (const { path, file } of settings.files) {
    try {
      const content = await readFile(file);
      contents.set(formatPath(path), content);
      const wrong = path.includes('tls') ? wrongPem(content) : wrongSecret(path, content, look);
      if (wrong !== undefined) problems.push(problemAt(path, settings, `the file ${wrong}`));
    } catch (error) {
      const shown = look.place(path)?.shown;
      problems.push(
        problemAt(path, settings, `got ${shown}: the file can't be read: ${describeFileError(error)}`),
      );
    }
  }
  if (problems.length > 0) return problems;
  return ['zookeeper.tls', 'consul.tls'].flatMap((section) => wrongPair(section, contents, settings));
}

function wrongPem(content: Uint8Array): string | undefined {
  return new TextDecoder().decode(content).includes('-----BEGIN ')
    ? undefined
    : 'has no PEM block (-----BEGIN ...)';
}

function wrongSecret(path: SettingPath, content: Uint8Array, look: SettingsLookup): string | undefined {
  const secret = secretFromFile(content).reveal();
  if (secret === '') return 'is empty';
  if (path.at(-1) !== 'credentialsFile' || !look.usesDigest || secret.includes(':')) return undefined;
  return 'has no ":"; allowed for digest: user:password';
}

/** A certificate and a key that don't belong together fail at the first connection; better now. */
function wrongPair(
  section: string,
  contents: ReadonlyMap<string, Uint8Array>,
  settings: ReadSettings,
): ConfigProblem[] {
  const isNamed = [...contents.keys()].some((path) => path.startsWith(`${section}.`));
  if (!isNamed) return [];
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => asBuffer(contents.get(`${section}.${name}`)));
  try {
    createSecureContext({ ca, cert, key });
    return [];
  } catch (error) {
    const message = `the files can't be used together: ${error instanceof Error ? error.message : String(error)}`;
    return [problemAt(section.split('.'), settings, message)];
  }
}

function asBuffer(content: Uint8Array | undefined): Buffer | undefined {
  return content === undefined ? undefined : Buffer.from(content);
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is no directory',
  ELOOP: 'its symbolic links go in a circle',
};

/** A reason without the path, which the caller knows and may not want to show. */
export function describeFileError(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code === undefined) return error.message;
  return FILE_ERRORS[code] ?? code;
}

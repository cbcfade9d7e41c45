import { readFile, stat } from 'node:fs/promises';
import { archiveFiles } from '../archive/archive-directory.js';
import type { ConfigNote } from '../config/config-notes.js';
import type { Config } from '../config/schema.js';
import type { Secret, SecretSource } from '../config/secret.js';

/** What a file or directory is judged by. */
export interface FileAccess {
  /** Of its owner. */
  readonly uid: number;
  /** As `stat` tells it; bits of the file's type don't matter. */
  readonly mode: number;
}

const GROUP_AND_OTHERS = 0o077;
const OTHERS = 0o007;
const OTHERS_MAY_WRITE = 0o002;

/**
 * Files with secrets, and parts of the archive, that more users may get at than need to. Logged at the start, and
 * printed by `check`. What can't be looked at is left out: whoever needs it will say so.
 */
export async function exposedFiles(config: Config, configFile: string): Promise<ConfigNote[]> {
  const ownUid = process.getuid?.();
  if (ownUid === undefined) return [];
  const secrets = [...secretFiles(config), ...(await ownFileWithSecrets(config, configFile))];
  const notes = [
    ...secrets.map(({ path, file }) => noteOnSecret(path, file, ownUid)),
    ...archiveFiles(config.archive.path).map((file) => noteOnArchive(file, ownUid)),
  ];
  return (await Promise.all(notes)).filter((note) => note !== undefined);
}

/**
 * As PostgreSQL judges the keys of its server: a file of this user is for this user alone. One that another user (root)
 * owns can only be read by its group, and whoever set that up chose the group.
 */
export function isExposed({ uid, mode }: FileAccess, ownUid: number): boolean {
  return (mode & (uid === ownUid ? GROUP_AND_OTHERS : OTHERS)) !== 0;
}

/** Of another user's directory, such as the root of a volume: everybody may look into it, but not exchange its files. */
export function isExposedArchive({ uid, mode }: FileAccess, ownUid: number): boolean {
  return (mode & (uid === ownUid ? GROUP_AND_OTHERS : OTHERS_MAY_WRITE)) !== 0;
}

interface SecretFile {
  /** The setting. */
  readonly path: string;
  readonly file: string;
}

function secretFiles({ zookeeper, consul }: Config): SecretFile[] {
  const files: [string, string | undefined][] = [
    ['zookeeper.auth.credentialsFile', fileOf(zookeeper.auth?.credentials)],
    ['zookeeper.tls.key', zookeeper.tls?.keyFile],
    ['consul.tokenFile', fileOf(consul.token)],
    ['consul.tls.key', consul.tls?.keyFile],
  ];
  return files.flatMap(([path, file]) => (file === undefined ? [] : [{ path, file }]));
}

/** The configuration itself, where secrets are written into it and don't come from variables. */
async function ownFileWithSecrets(
  { zookeeper, consul, admin }: Config,
  configFile: string,
): Promise<SecretFile[]> {
  const text = await readFile(configFile, 'utf8').catch(() => '');
  const secrets: [string, Secret | undefined][] = [
    ['zookeeper.auth.credentials', inlineOf(zookeeper.auth?.credentials)],
    ['consul.token', inlineOf(consul.token)],
    ['admin.token', admin.token],
  ];
  return secrets
    .filter(([, secret]) => secret !== undefined && text.includes(secret.reveal()))
    .map(([path]) => ({ path, file: configFile }));
}

function fileOf(source: SecretSource | undefined): string | undefined {
  return source?.kind === 'file' ? source.file : undefined;
}

function inlineOf(source: SecretSource | undefined): Secret | undefined {
  return source?.kind === 'inline' ? source.secret : undefined;
}

async function noteOnSecret(path: string, file: string, ownUid: number): Promise<ConfigNote | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined || !isExposed(found, ownUid)) return undefined;
  return { path, message: `${file} holds a secret, and ${whoElse(found, ownUid)}: chmod 600 it` };
}

async function noteOnArchive(file: string, ownUid: number): Promise<ConfigNote | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined || !isExposedArchive(found, ownUid)) return undefined;
  const mode = found.isDirectory() ? '700' : '600';
  const message = `${file} belongs to the archive, which holds values of entries, and ${whoElse(found, ownUid)}: chmod ${mode} it`;
  return { path: 'archive.path', message };
}

function whoElse({ mode, uid }: FileAccess, ownUid: number): string {
  const octal = (mode & 0o777).toString(8).padStart(3, '0');
  const owner = uid === ownUid ? '' : `, of user ${uid}`;
  return `other users have access to it (mode ${octal}${owner})`;
}

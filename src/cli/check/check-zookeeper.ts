import { connect } from 'node:net';
import type { Config } from '../../config/schema.js';
import { riskOf } from '../../daemon/copies-lease.js';
import { connectZooKeeper } from '../../daemon/offline-access.js';
import type { Stores } from '../../daemon/stores.js';
import type { ZooKeeperSession } from '../../zookeeper/zookeeper-session.js';
import { CONNECT_TIMEOUT_MS } from '../offline.js';
import { showDuration } from '../times.js';
import type { Findings } from './finding.js';

const ABOUT = 'zookeeper';
const NEVER = new AbortController().signal;

/** @returns whether a session stands, so that more can be found out */
export async function checkZooKeeper(config: Config, stores: Stores, findings: Findings): Promise<boolean> {
  const { zookeeper } = stores;
  try {
    await connectZooKeeper(config, stores, CONNECT_TIMEOUT_MS);
    const { auth } = config.zookeeper;
    const authenticated =
      auth === undefined ? 'no authentication configured' : `authenticated by ${auth.scheme}`;
    findings.ok(ABOUT, `session with ${zookeeper.server}, ${authenticated}`);
    await checkVersion(config, zookeeper, findings);
    checkSessionTimeout(config, zookeeper, findings);
    await checkLastingSession(config, stores, findings);
    return await checkChroot(zookeeper, findings);
  } catch (error) {
    findings.failure(ABOUT, error);
    return false;
  }
}

async function checkVersion(config: Config, session: ZooKeeperSession, findings: Findings): Promise<void> {
  const { multiRead, persistentWatch } = await session.capabilities(NEVER);
  const told = config.zookeeper.tls === undefined ? await askVersion(session.server) : undefined;
  const version = told ?? (persistentWatch ? 'version 3.6 or later' : 'version unknown');
  if (multiRead && persistentWatch) {
    findings.ok(ABOUT, `${version}, with recursive watches and bulk reads`);
    return;
  }
  findings.warn(
    ABOUT,
    `${version}, without recursive watches and bulk reads (3.6 has them): every znode takes a watch of its own, and reading is slower`,
  );
}

function checkSessionTimeout(config: Config, { state }: ZooKeeperSession, findings: Findings): void {
  const askedMs = config.zookeeper.sessionTimeoutMs;
  if (state.kind !== 'connected' || state.sessionTimeoutMs === askedMs) return;
  const [granted, asked] = [state.sessionTimeoutMs, askedMs].map((ms) => showDuration(ms / 1000));
  findings.warn(
    ABOUT,
    `the server grants a session timeout of ${granted} instead of ${asked} (its minSessionTimeout and maxSessionTimeout)`,
  );
}

/** Ephemeral copies are bound to a session that has to outlast the takeover by another daemon. */
async function checkLastingSession(config: Config, stores: Stores, findings: Findings): Promise<void> {
  if (!config.mappings.some(({ services }) => services?.ephemeral === true)) return;
  const session = stores.lastingSession(undefined);
  session.start();
  try {
    const { sessionTimeoutMs } = await session.whenConnected(AbortSignal.timeout(CONNECT_TIMEOUT_MS));
    const risk = riskOf(sessionTimeoutMs, config.zookeeper.sessionTimeoutMs);
    if (risk !== undefined) findings.warn(ABOUT, risk);
    else
      findings.ok(ABOUT, `ephemeral copies last ${showDuration(sessionTimeoutMs / 1000)} without a daemon`);
  } finally {
    await session.close();
  }
}

async function checkChroot(session: ZooKeeperSession, findings: Findings): Promise<boolean> {
  if (session.chroot === '') return true;
  const { kind } = await session.exists('/', NEVER);
  if (kind === 'node') return true;
  findings.fail(
    ABOUT,
    `the chroot ${session.chroot} of zookeeper.connect does not exist: create it, or correct the connection string`,
  );
  return false;
}

const FOUR_LETTER_TIMEOUT_MS = 2_000;
const ANSWER_BYTES_MAX = 16 * 1024;

/**
 * By the four-letter command `srvr`, the one that servers since 3.5 answer unless they are told not to.
 * @param server `host:port`
 * @returns undefined when it does not tell
 */
async function askVersion(server: string): Promise<string | undefined> {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(server) ?? [];
  if (host === undefined || port === undefined) return undefined;
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect({ host, port: Number(port) }, () => socket.write('srvr'));
    socket.setTimeout(FOUR_LETTER_TIMEOUT_MS, () => socket.destroy());
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => {
      text += part;
      if (text.length > ANSWER_BYTES_MAX) socket.destroy();
    });
    // Whatever came until then is the answer.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(text));
  });
  const version = /^Zookeeper version: (\d+\.\d+\.\d+)/m.exec(answer)?.[1];
  const mode = /^Mode: ([a-z]+)/m.exec(answer)?.[1];
  if (version === undefined) return undefined;
  return `version ${version}${mode === undefined ? '' : `, ${mode}`}`;
}

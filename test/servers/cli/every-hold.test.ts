import { spawn } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MappingHoldReason } from '../../../src/core/mapping-state.js';
import type { EntryHoldReason } from '../../../src/ports/archive.js';
import { BlindCopier } from '../../kit/daemon/blind-copier.js';
import { builtProgram } from '../../kit/daemon/built-program.js';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { sectionOf, tableIn, textOf } from '../../unit/docs/markdown.js';
import { command } from './command.js';

const ENTRIES = 30;
/** A ring closes when an update falls between a read and a write of the copier. */
const RING_UPDATES_MAX = 20;
const REWRITES_MAX = 8;

/** One deployment, with 30 entries that both sides agree on. */
interface Stage {
  readonly staging: Staging;
  readonly daemon: DaemonProcess;
  /** Its folder in both stores. */
  readonly folder: string;
}

/** How a hold comes about, and what ends it. */
interface HoldCase {
  readonly mapping?: Record<string, unknown>;
  readonly config?: Record<string, Record<string, unknown>>;
  provoke(stage: Stage): Promise<void>;
  /** Words of the one of the commands shown that is to be run; or what is to be done where none would help. */
  readonly endedBy: string | ((stage: Stage) => Promise<void>);
  /** What stands in the end. */
  outcome(stage: Stage): Promise<void>;
}

let staging: Staging;
let bin: string;

beforeAll(async () => {
  staging = await Staging.start();
  bin = await mkdtemp(join(tmpdir(), 'zk-consul-sync-bin-'));
  await symlink(builtProgram(), join(bin, 'zk-consul-sync'));
});
afterAll(async () => {
  await rm(bin, { recursive: true });
  await staging.dispose();
});

const zookeeperKeys = ({ folder }: Stage) => staging.zookeeper.children(`/${folder}`);
const consulKeys = async ({ folder }: Stage) =>
  (await staging.consul.list(`${folder}/`)).map(({ key }) => key);

async function bothHold(stage: Stage, key: string, value: string): Promise<void> {
  await staging.zookeeperHolds(`/${stage.folder}/${key}`, value);
  await staging.consulHolds(`${stage.folder}/${key}`, value);
}

/** What both sides change while the mapping is paused is a conflict. */
async function conflictOn(keys: readonly string[], { daemon, folder }: Stage, length = 0): Promise<void> {
  await daemon.post('pause');
  for (const key of keys) {
    await staging.zookeeper.set(`/${folder}/${key}`, `of zookeeper${'.'.repeat(length)}`);
    await staging.consul.put(`${folder}/${key}`, `of consul${'.'.repeat(length)}`);
  }
  await daemon.post('resume');
}

const allKeys = Array.from({ length: ENTRIES }, (_, number) => `k${number}`);
let copier: BlindCopier | undefined;
let owner: RawZooKeeper | undefined;
let rival: DaemonProcess | undefined;

/** The compiler sees that no reason is missing. */
const CASES: Readonly<Record<MappingHoldReason | EntryHoldReason, HoldCase>> = {
  'mass-deletion': {
    provoke: ({ folder }) => staging.consul.deleteTree(`${folder}/`),
    endedBy: 'approve',
    outcome: async (stage) => {
      await waitUntil('the deletions', async () => (await zookeeperKeys(stage)).length === 0);
    },
  },
  'mass-conflict': {
    provoke: (stage) => conflictOn(allKeys, stage),
    endedBy: 'approve',
    outcome: async (stage) => {
      // All of them were decided by one rule or another, and each has its loser in the journal.
      const { conflicts } = await stage.daemon.inSync();
      expect(conflicts).toEqual({ open: 0, total: ENTRIES });
    },
  },
  'identity-changed': {
    provoke: async () => {
      await staging.consulServer.kill();
      await staging.consulServer.wipe();
      await staging.consulServer.start();
    },
    endedBy: 'resync config --from zookeeper',
    outcome: async (stage) => {
      await stage.daemon.inSync();
      expect(await consulKeys(stage)).toHaveLength(ENTRIES);
    },
  },
  'rolled-back': {
    provoke: async ({ daemon, folder }) => {
      const snapshot = await staging.consulServer.saveSnapshot();
      await staging.zookeeper.set(`/${folder}/k0`, 'after the snapshot');
      await staging.consulHolds(`${folder}/k0`, 'after the snapshot');
      await daemon.inSync();
      await staging.consulServer.restoreSnapshot(snapshot);
    },
    endedBy: 'resync config --from zookeeper',
    outcome: (stage) => bothHold(stage, 'k0', 'after the snapshot'),
  },
  'archive-lost': {
    provoke: async ({ daemon }) => {
      await daemon.stop();
      await rm(daemon.archivePath, { recursive: true });
      await daemon.start();
    },
    endedBy: 'resync config --from merge',
    outcome: async ({ daemon }) => {
      expect(await daemon.inSync()).toMatchObject({ entries: ENTRIES });
    },
  },
  'mapped-twice': {
    provoke: async ({ daemon, folder }) => {
      // The newcomer is held, and that has to be the one that is looked at.
      await daemon.stop();
      await rm(daemon.archivePath, { recursive: true });
      await command('retire', folder, '--config', daemon.configFile, '--yes');
      const mapping = { zookeeper: `/${folder}`, consul: folder };
      rival = await staging.startDaemon({ config: { instance: `${folder}-rival` }, mappings: [mapping] });
      await rival.inSync();
      await daemon.start();
    },
    endedBy: async ({ folder }) => {
      await rival?.stop();
      const { code } = await command(
        'retire',
        `${folder}-rival`,
        '--config',
        rival?.configFile ?? '',
        '--yes',
      );
      expect(code).toBe(0);
    },
    outcome: async ({ daemon }) => {
      expect(await daemon.inSync()).toMatchObject({ entries: ENTRIES });
    },
  },
  conflict: {
    mapping: { conflict: 'hold' },
    provoke: (stage) => conflictOn(['k1'], stage),
    endedBy: 'release config k1 --keep consul',
    outcome: (stage) => bothHold(stage, 'k1', 'of consul'),
  },
  oscillating: {
    provoke: async ({ daemon, folder }) => {
      copier = new BlindCopier(staging, `${folder}/k2`, 1_000);
      for (let updates = 1; updates <= RING_UPDATES_MAX; updates++) {
        await staging.consul.put(`${folder}/k2`, `update ${updates}`);
        await sleep(1_300);
        if ((await daemon.mapping()).holds.length > 0) return;
      }
    },
    endedBy: 'release config k2 --keep zookeeper',
    outcome: async ({ daemon, folder }) => {
      await daemon.inSync();
      await staging.zookeeper.set(`/${folder}/k2`, 'flows again');
      await staging.consulHolds(`${folder}/k2`, 'flows again');
    },
  },
  'copy-modified': {
    provoke: async ({ daemon, folder }) => {
      owner = await RawZooKeeper.connect(staging.zookeeperServer);
      await owner.create(`/${folder}/owned`, 'by its owner', { mode: 'ephemeral' });
      for (let round = 0; round <= REWRITES_MAX; round++) {
        await staging.consulHolds(`${folder}/owned`, 'by its owner');
        await daemon.inSync();
        await staging.consul.put(`${folder}/owned`, `by somebody ${round}`);
      }
    },
    endedBy: 'release config owned --keep zookeeper',
    outcome: async (stage) => {
      await bothHold(stage, 'owned', 'by its owner');
      await owner?.close();
    },
  },
  'journal-full': {
    mapping: { conflict: 'hold' },
    config: { journal: { maxBytes: '4KiB' } },
    provoke: async (stage) => {
      await conflictOn(['k1', 'k2', 'k3', 'k4', 'k5', 'k6'], stage, 700);
    },
    endedBy: async ({ daemon, folder }) => {
      await daemon.stop();
      await daemon.start({ config: { instance: folder, journal: { maxBytes: '1MiB' } } });
    },
    outcome: async ({ daemon }) => {
      // They are held as what they are now: conflicts that wait for a person, with both values in the journal.
      await waitUntil(
        'all conflicts to be journaled',
        async () => (await daemon.mapping()).conflicts.open === 6,
      );
    },
  },
};

/** The commands that the status shows below a hold. */
function commandsShown(status: string, reason: string): string[] {
  const [, part = ''] = status.split(`Held: config, ${reason}\n`);
  return [...(part.split(/\n\n/)[0] ?? '').matchAll(/^ {4}(zk-consul-sync .+)$/gm)].map(
    ([, line = '']) => line,
  );
}

/** As a person would: copied into a terminal, with the answer that it asks for. */
async function typedIn(line: string): Promise<{ readonly code: number | null; readonly shown: string }> {
  const environment = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, NO_COLOR: '1' };
  const child = spawn('script', ['-qec', line, '/dev/null'], { env: environment });
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const answer = await waitUntil(
    `the question of ${line}`,
    () => {
      if (/\[y\/N\] $/.test(shown)) return 'y\n';
      if (/to go on: $/.test(shown)) return 'config\n';
      throw new Error(shown);
    },
    { timeoutMs: 30_000 },
  );
  child.stdin.write(answer);
  return { code: await ended, shown };
}

let deployments = 0;

async function stageFor({ mapping = {}, config = {} }: HoldCase): Promise<Stage> {
  const folder = `h${++deployments}`;
  await staging.zookeeper.create(`/${folder}`, '');
  for (const key of allKeys) await staging.zookeeper.create(`/${folder}/${key}`, 'before');
  const daemon = await staging.startDaemon({
    mappings: [{ zookeeper: `/${folder}`, consul: folder, ...mapping }],
    config: { instance: folder, ...config },
  });
  await daemon.inSync();
  return { staging, daemon, folder };
}

describe('a hold', () => {
  it.each(Object.entries(CASES))(
    '%s is shown by status with what ends it, and ended by exactly that',
    async (reason, holdCase) => {
      const stage = await stageFor(holdCase);
      const { daemon } = stage;
      await holdCase.provoke(stage);
      await daemon.held(reason);
      const { stdout } = await command('status', '--admin', daemon.adminUrl);
      expect(stdout).toContain(`Held: config, ${reason}\n`);
      const commands = commandsShown(stdout, reason);
      await copier?.stop();
      copier = undefined;
      const { endedBy } = holdCase;
      if (typeof endedBy === 'string') {
        const line = commands.find((shown) => shown.includes(`zk-consul-sync ${endedBy}`));
        expect({ commands, line }).toMatchObject({ line: expect.any(String) as string });
        const done = await typedIn(line ?? '');
        expect(done).toMatchObject({ code: 0 });
      } else {
        expect(commands).toEqual([]);
        await endedBy(stage);
      }
      await waitUntil(
        'the hold to end',
        async () => !(await daemon.mapping()).holds.some((hold) => hold.reason === reason),
        { timeoutMs: 60_000 },
      );
      await holdCase.outcome(stage);
      await daemon.stop();
    },
    240_000,
  );

  it('of each reason has an answer in docs/operations.md, and there is no other', () => {
    const holds = sectionOf(textOf('docs/operations.md'), '## Holds');
    const titles = [...holds.matchAll(/^### (\S+)$/gm)].map(([, title = '']) => title);
    const entries = tableIn(sectionOf(textOf('docs/operations.md'), '### Holds of entries'));
    const documented = [...titles, ...entries.map(([reason = '']) => reason.replaceAll('`', ''))];
    expect(documented.sort()).toEqual(Object.keys(CASES).sort());
  });
});

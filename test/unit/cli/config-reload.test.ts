import { mkdir, mkdtemp, rename, rm, symlink, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigReloader } from '../../../src/cli/run/config-reloader.js';
import { ReloadableLogger } from '../../../src/cli/run/reloadable-logger.js';
import { WatchedFile } from '../../../src/cli/run/watched-file.js';
import { loadConfig } from '../../../src/config/load-config.js';
import type { ConfigChanges } from '../../../src/config/config-changes.js';
import type { Config } from '../../../src/config/schema.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { RecordingLogger } from '../admin/recording-logger.js';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-reload-'));
  path = join(directory, 'config.yaml');
});
afterEach(() => rm(directory, { recursive: true }));

describe('a watched file', () => {
  async function watched(content = 'a'): Promise<WatchedFile> {
    await writeFile(path, content);
    const file = new WatchedFile(path);
    await file.remember();
    return file;
  }

  it('has not changed as long as its content is the same, however often it is written', async () => {
    const file = await watched();
    expect(await file.hasChanged()).toBe(false);
    await utimes(path, 1, 1);
    expect(await file.hasChanged()).toBe(false);
    await writeFile(join(directory, 'new'), 'a');
    await rename(join(directory, 'new'), path);
    expect(await file.hasChanged()).toBe(false);
  });

  it('has changed once when its content is another one', async () => {
    const file = await watched();
    await writeFile(path, 'b');
    expect([await file.hasChanged(), await file.hasChanged()]).toEqual([true, false]);
  });

  it('has changed when Kubernetes swaps the directory that a symlink leads through', async () => {
    for (const version of ['1', '2']) {
      await mkdir(join(directory, `..version-${version}`));
      await writeFile(join(directory, `..version-${version}`, 'config.yaml'), `v${version}`);
    }
    await symlink('..version-1', join(directory, '..data'));
    await symlink('..data/config.yaml', path);
    const file = new WatchedFile(path);
    await file.remember();
    await symlink('..version-2', join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
    expect([await file.hasChanged(), await file.hasChanged()]).toEqual([true, false]);
  });

  it('has not changed while it is gone, and when it is back only if it is another one', async () => {
    const file = await watched();
    await unlink(path);
    expect(await file.hasChanged()).toBe(false);
    await writeFile(path, 'a');
    expect(await file.hasChanged()).toBe(false);
    await unlink(path);
    await writeFile(path, 'b');
    expect(await file.hasChanged()).toBe(true);
  });

  it('is not read when it is no file of a sensible size', async () => {
    const file = await watched();
    await truncate(path, 2 * 1024 * 1024);
    expect(await file.hasChanged()).toBe(false);
    await unlink(path);
    await mkdir(path);
    expect(await file.hasChanged()).toBe(false);
  });
});

const yaml = (mappings: string, more = '') => `zookeeper: { connect: zk1 }\nmappings:\n${mappings}${more}`;
const CONFIG = '  - { name: config, zookeeper: /config, consul: config }\n';
const UNCHANGED: ConfigChanges = { added: [], removed: [], changed: [], sections: [], needRestart: [] };

describe('reloading the configuration', () => {
  let clock: SimClock;
  let logger: RecordingLogger;
  let applied: Config[];
  let changes: ConfigChanges;
  let stopping: AbortController;
  let reloader: ConfigReloader;
  let running: Promise<void>;

  beforeEach(async () => {
    await writeFile(path, yaml(CONFIG));
    [clock, logger, applied, changes] = [new SimClock(), new RecordingLogger(), [], UNCHANGED];
    stopping = new AbortController();
    const file = new WatchedFile(path);
    await file.remember();
    reloader = new ConfigReloader({
      file,
      load: () => loadConfig(path, {}),
      apply: (config) => {
        applied.push(config);
        return Promise.resolve(changes);
      },
      logger,
      clock,
    });
    running = reloader.run(stopping.signal);
  });
  afterEach(async () => {
    stopping.abort();
    await running;
  });

  /** The reloader has looked at the file and sleeps until the next look. */
  const rests = () => waitUntil('the reloader to rest', () => clock.sleepers === 1);
  const messages = (level: string) =>
    logger.lines.filter((line) => line.level === level).map(({ message }) => message);

  it('happens within 10 s of a change of the file', async () => {
    await rests();
    await writeFile(path, yaml(CONFIG, '  - { name: new, zookeeper: /new, consul: new }\n'));
    changes = { ...UNCHANGED, added: ['new'], needRestart: ['zookeeper'] };
    await clock.advance(10_000);
    await waitUntil('the reload', () => applied.length === 1);
    await rests();
    expect(applied[0]?.mappings.map(({ name }) => name)).toEqual(['config', 'new']);
    expect(logger.lines).toContainEqual({
      level: 'info',
      message: 'The configuration was read again.',
      fields: expect.objectContaining({ added: ['new'], file: path }) as object,
    });
    expect(messages('warn')).toContain('Takes effect only after a restart: zookeeper.');
  });

  it('does not happen without a change', async () => {
    for (let look = 0; look < 3; look++) {
      await rests();
      await clock.advance(10_000);
    }
    await rests();
    expect(applied).toEqual([]);
    expect(logger.lines).toEqual([]);
  });

  it('happens at once when it is asked for, change or not', async () => {
    await rests();
    reloader.ask();
    await waitUntil('the reload', () => applied.length === 1);
    expect(messages('info')).toEqual(['The configuration was read again: nothing has changed.']);
  });

  it('leaves all as it is when the file can not be used, and tells every problem once, with its line', async () => {
    await rests();
    await writeFile(path, yaml('  - { name: config, zookeeper: config, consul: config }\nadmn: 1\n'));
    for (let look = 0; look < 3; look++) {
      await clock.advance(10_000);
      await rests();
    }
    expect(applied).toEqual([]);
    const problems = logger.lines.filter(({ level }) => level === 'error');
    expect(problems.map(({ fields }) => [fields['line'], fields['setting']])).toEqual([
      [3, 'mappings[0].zookeeper'],
      [4, 'admn'],
      [undefined, undefined],
    ]);
    expect(problems[1]?.message).toContain(`${path}:4:1: admn: unknown setting`);
    expect(problems[2]?.message).toContain('The one before stays in force.');

    await writeFile(path, yaml(CONFIG));
    await clock.advance(10_000);
    await waitUntil('the corrected file', () => applied.length === 1);
  });

  it('takes up what is asked for while another reload is under way', async () => {
    await rests();
    reloader.ask();
    reloader.ask();
    await waitUntil('the reload', () => applied.length >= 1);
    reloader.ask();
    await waitUntil('the next reload', () => applied.length >= 2);
  });

  it('goes on when a configuration could not be put into force', async () => {
    await rests();
    changes = undefined as unknown as ConfigChanges;
    reloader.ask();
    await waitUntil('the failure', () => messages('error').length === 1);
    changes = UNCHANGED;
    reloader.ask();
    await waitUntil('the next reload', () => messages('info').length === 1);
  });
});

describe('a logger that is replaced', () => {
  it('is replaced for its children, which keep their fields', () => {
    const [first, second] = [new RecordingLogger(), new RecordingLogger()];
    const logger = ReloadableLogger.over(first);
    const child = logger.child({ mapping: 'config' }).child({ component: 'sync' });
    child.info({ keys: 1 }, 'one');
    logger.replace(second);
    child.warn({}, 'two');
    logger.error({}, 'three');
    expect(first.lines).toEqual([
      { level: 'info', message: 'one', fields: { mapping: 'config', component: 'sync', keys: 1 } },
    ]);
    expect(second.lines).toEqual([
      { level: 'warn', message: 'two', fields: { mapping: 'config', component: 'sync' } },
      { level: 'error', message: 'three', fields: {} },
    ]);
  });
});

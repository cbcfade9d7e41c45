import { describe, expect, it } from 'vitest';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command } from '../cli/command.js';
import { Bridge, curatorInstance, LIST } from './bridged.js';

interface Planned {
  readonly mappings: readonly { readonly actions: unknown[]; readonly losses: unknown[] }[];
}

/** Each of many commands starts Node. */
const TIMEOUT_MS = 120_000;
const COPY = 'web/zk-consul-sync:default:host-1:web-1';

describe('commands about services', { timeout: TIMEOUT_MS }, () => {
  it('plan, diff and explain tell what a start would do, without a daemon, and write nothing', async () => {
    const bridge = await Bridge.start();
    const program = await bridge.registerInZooKeeper('/services/web/1', instance('1', '10.0.0.7'));
    await bridge.registerInConsul();
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.7:70']);
    await bridge.zookeeperShows('/services/web', 2);
    const say = (...args: string[]) => command(...args, '--config', bridge.daemon.configFile);
    await bridge.daemon.inSync(LIST);

    const status = await command('status', '--admin', bridge.daemon.adminUrl);
    expect(status.stdout).toMatch(/apps/);
    const running = await command('explain', LIST, COPY, '--json', '--config', bridge.daemon.configFile);
    expect(JSON.parse(running.stdout)).toMatchObject({ key: COPY });
    await bridge.daemon.stop();
    expect(await say('plan')).toMatchObject({ code: 0 });
    expect(await say('diff')).toMatchObject({ code: 0 });

    await program.close();
    await bridge.registerInZooKeeper('/services/web/2', instance('2', '10.0.0.8'));
    await bridge.registerInConsul({ id: 'web-2', port: 82, tags: ['v2'], weight: 3 });
    const plan = await say('plan', '--json');
    const [planned] = (JSON.parse(plan.stdout) as Planned).mappings;
    expect(plan.code).toBe(1);
    expect(planned?.actions).toHaveLength(3);
    expect(planned?.actions).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ key: 'web/2', action: 'create', on: 'consul' }),
        expect.objectContaining({ key: 'web/1', action: 'delete', on: 'consul' }),
        expect.objectContaining({
          key: 'web/zk-consul-sync:default:host-1:web-2',
          action: 'create',
          on: 'zookeeper',
        }),
      ]),
    );
    const why = 'the format has no place for it';
    const example = 'web/zk-consul-sync:default:host-1:web-2';
    expect(planned?.losses).toEqual([
      { field: 'tags', why, instances: 1, example },
      { field: 'weight', why, instances: 1, example },
    ]);
    expect((await say('plan')).stdout).toContain(`Not carried over: tags of 1 instance (${example}): ${why}`);
    const check = await say('check', '--json');
    expect((JSON.parse(check.stdout) as { findings: unknown[] }).findings).toEqual(
      expect.arrayContaining(
        ['tags', 'weight'].map((field) => ({
          level: 'warn',
          about: LIST,
          message: `not carried over: ${field} of 1 instance (${example}): ${why}`,
          unreachable: false,
        })),
      ),
    );
    expect(check.code).toBe(0);
    const diff = await say('diff', '--json');
    expect(diff.code).toBe(1);
    for (const key of ['web/1', 'web/2', 'web-2']) expect(diff.stdout).toContain(key);
    const explained = await say('explain', LIST, 'web/2');
    expect(explained.stdout).toContain('web/2');
    expect(await bridge.passing('web')).toEqual(['10.0.0.1:80', '10.0.0.1:82', '10.0.0.7:70']);
  });

  it('what would leave too few is held, shown by status, and goes when a person approves', async () => {
    const bridge = await Bridge.start();
    const programs = [];
    for (const id of ['1', '2', '3']) {
      const data = instance(id, `10.0.0.${6 + Number(id)}`);
      programs.push(await bridge.registerInZooKeeper(`/services/web/${id}`, data));
    }
    await bridge.consulShows('web', ['10.0.0.7:70', '10.0.0.8:70', '10.0.0.9:70']);
    await Promise.all(programs.slice(0, 2).map((program) => program.close()));
    const { holds } = await bridge.daemon.held('mass-deletion', LIST);
    // They may have gone in two views, of which the first left enough.
    expect(holds[0]?.detail).toMatch(
      /^(2 of 3|1 of 2) copies of "web\/" would go at once; they wait for approval$/,
    );
    expect((await bridge.passing('web')).length).toBeGreaterThanOrEqual(2);
    // What comes goes on meanwhile.
    await bridge.registerInZooKeeper('/services/other/1', instance('1', '10.0.0.99'));
    await bridge.consulShows('other', ['10.0.0.99:70']);

    const status = await command('status', '--admin', bridge.daemon.adminUrl);
    expect(status.stdout).toContain('approve apps');
    const approved = await command('approve', LIST, '--yes', '--admin', bridge.daemon.adminUrl);
    expect(approved).toMatchObject({ code: 0 });
    await bridge.consulShows('web', ['10.0.0.9:70']);
    await waitUntil('the hold to end', async () => (await bridge.daemon.mapping(LIST)).holds.length === 0);
  });

  it('pause stops copies, resume shows what came meanwhile, and resync starts over without a change', async () => {
    const bridge = await Bridge.start();
    await bridge.registerInZooKeeper('/services/web/1', instance('1', '10.0.0.7'));
    await bridge.consulShows('web', ['10.0.0.7:70']);
    const order = (...args: string[]) => command(...args, '--yes', '--admin', bridge.daemon.adminUrl);
    expect(await command('pause', LIST, '--admin', bridge.daemon.adminUrl)).toMatchObject({ code: 0 });
    await bridge.registerInZooKeeper('/services/web/2', instance('2', '10.0.0.8'));
    await waitUntil('it to wait', async () => (await bridge.daemon.mapping(LIST)).pending.toConsul === 1);
    expect(await bridge.passing('web')).toEqual(['10.0.0.7:70']);
    expect(await order('resume', LIST)).toMatchObject({ code: 0 });
    await bridge.consulShows('web', ['10.0.0.7:70', '10.0.0.8:70']);
    await bridge.daemon.inSync(LIST);
    const before = await indexes(bridge);
    for (const from of ['merge', 'zookeeper', 'consul']) {
      expect(await order('resync', LIST, '--from', from), from).toMatchObject({ code: 0 });
      await bridge.daemon.inSync(LIST);
    }
    expect(await indexes(bridge)).toEqual(before);
    expect((await bridge.nodesBelow('/services/web')).size).toBe(2);
  });
});

/** Of the copies' last changes. */
async function indexes(bridge: Bridge): Promise<readonly number[]> {
  const { text } = await bridge.staging.consul.request('GET', '/v1/health/service/web?consistent');
  return (JSON.parse(text) as { Service: { ModifyIndex: number } }[]).map(
    ({ Service }) => Service.ModifyIndex,
  );
}

function instance(id: string, address: string): string {
  return curatorInstance('web', id, address, 70);
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command, Configurations } from '../cli/command.js';
import type { DocumentedAcl } from './documented-permissions.js';
import {
  aclFor,
  applyAcls,
  CREATED_ACL,
  DAEMON,
  documentedAcls,
  documentedRules,
  GUARDIAN_DIGEST,
} from './documented-permissions.js';

interface FindingAnswer {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly about: string;
  readonly message: string;
}

const LEDGER = '/zk-consul-sync/default/config';
/** These ACLs let nobody else read, and `check` says so: nothing that a permission would change. */
const TRUE_OF_NARROW_ACLS = /may not be read by everybody/;

/** Two stores where the daemon may do what docs/security.md says, and nothing else. */
class LeastStores {
  private constructor(
    readonly staging: Staging,
    /** Goes through all ACLs. */
    readonly zookeeper: RawZooKeeper,
    readonly configurations: Configurations,
    readonly acls: readonly DocumentedAcl[],
    readonly rules: readonly string[],
  ) {}

  static async start(aclHeading: string, ruleHeading: string): Promise<LeastStores> {
    const staging = await Staging.start({ consul: { acl: true } });
    const zookeeper = await RawZooKeeper.connect(staging.zookeeperServer, { digest: GUARDIAN_DIGEST });
    await zookeeper.create('/config/there/before', 'b');
    await zookeeper.create('/zk-consul-sync/default');
    const configurations = await Configurations.create();
    const acls = documentedAcls(aclHeading);
    await applyAcls(zookeeper, acls);
    return new LeastStores(staging, zookeeper, configurations, acls, documentedRules(ruleHeading));
  }

  async sections(rules: readonly string[] = this.rules) {
    const { secret } = await this.staging.consul.createToken(rules.join('\n'));
    return {
      zookeeper: { auth: { scheme: 'digest', credentials: DAEMON }, acl: CREATED_ACL },
      consul: { token: secret },
    };
  }

  /** What `check` complains of; nothing where it is clean. */
  async complaints(
    { rules, archivePath, canary }: { rules?: readonly string[]; archivePath?: string; canary?: object } = {},
    mapping: object = {},
  ): Promise<string[]> {
    const places = {
      zookeeper: this.staging.zookeeperServer.connect,
      consul: this.staging.consulServer.address,
    };
    const archive = archivePath === undefined ? {} : { archive: { path: archivePath } };
    const sections = { ...(await this.sections(rules)), ...archive, ...(canary && { canary }) };
    const file = await this.configurations.write(places, sections, [mapping]);
    const { stdout } = await command('check', '--json', '--config', file);
    const { findings } = JSON.parse(stdout) as { findings: FindingAnswer[] };
    return findings
      .filter(({ level, message }) => level !== 'ok' && !TRUE_OF_NARROW_ACLS.test(message))
      .map(({ level, message }) => `${level}: ${message}`);
  }

  async daemon(
    mapping: Record<string, unknown> = {},
    further: Record<string, Record<string, unknown>> = {},
  ): Promise<DaemonProcess> {
    const config = { ...(await this.sections()), ...further };
    return await this.staging.startDaemon({ mappings: [mapping], config });
  }

  /** Waits until the znode holds this. */
  async holds(path: string, value: string | undefined): Promise<void> {
    await waitUntil(`${path} to be ${value ?? 'gone'}`, async () => {
      const found = await this.zookeeper.get(path);
      return found?.data?.toString() === value;
    });
  }

  async dispose(): Promise<void> {
    await this.zookeeper.close();
    await this.configurations.dispose();
    await this.staging.dispose();
  }
}

const without = <T>(list: readonly T[], left: number) => list.filter((_, index) => index !== left);

describe('exactly the documented permissions for both directions', () => {
  let stores: LeastStores;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    stores = await LeastStores.start(
      '### In both directions, and Consul to ZooKeeper',
      '### Both directions, and ZooKeeper to Consul',
    );
  });
  afterAll(() => stores.dispose());

  it('are no more than a test of them has to know', () => {
    expect(stores.rules).toHaveLength(3);
    expect(stores.acls.map(({ path }) => path)).toEqual([
      '/config',
      '/config/...',
      '/zk-consul-sync',
      '/zk-consul-sync/default',
      LEDGER,
    ]);
  });

  it('let `check` find nothing before the first start', async () => {
    expect(await stores.complaints()).toEqual([]);
  });

  it('let the daemon create, update and delete on both sides, and write both ledgers', async () => {
    const { staging, zookeeper } = stores;
    const { consul } = staging;
    daemon = await stores.daemon();
    await daemon.inSync();
    await staging.consulHolds('config/there/before', 'b');
    await applyAcls(zookeeper, stores.acls);

    await consul.put('config/new/deep/entry', '1');
    await stores.holds('/config/new/deep/entry', '1');
    await consul.put('config/there/before', 'updated');
    await stores.holds('/config/there/before', 'updated');
    await consul.delete('config/new/deep/entry');
    await stores.holds('/config/new/deep/entry', undefined);
    await stores.holds('/config/new', undefined);

    await zookeeper.create('/config/from-zookeeper', 'z', { acl: aclFor('crwd') });
    await staging.consulHolds('config/from-zookeeper', 'z');
    await zookeeper.set('/config/from-zookeeper', 'zz');
    await staging.consulHolds('config/from-zookeeper', 'zz');
    await zookeeper.remove('/config/from-zookeeper');
    await staging.consulHolds('config/from-zookeeper', undefined);

    expect(await zookeeper.get(LEDGER)).toBeDefined();
    expect(await consul.get(LEDGER.slice(1))).toBeDefined();
    const status = await daemon.inSync();
    expect(status).toMatchObject({ state: 'live', problem: null, skippedTotal: 0, holds: [] });
  });

  it('let it go on after a restart, with the ledger as it was documented', async () => {
    expect(await daemon.stop()).toBe(0);
    await applyAcls(stores.zookeeper, stores.acls);
    expect(await stores.complaints({ archivePath: daemon.archivePath })).toEqual([]);
    await daemon.start();
    await daemon.inSync();
    await stores.staging.consul.put('config/after', 'a');
    await stores.holds('/config/after', 'a');
    await daemon.stop();
    await applyAcls(stores.zookeeper, stores.acls);
  });

  it.each([
    [0, /^fail: Consul does not allow to read config\//],
    [1, /^fail: Consul does not allow to read zk-consul-sync\/, to look for other instances/],
    [2, /^fail: Consul does not allow to write the ledger zk-consul-sync\/default\/config/],
  ])('are all needed in Consul: `check` names rule %i when it is missing', async (index, message) => {
    const rules = without(stores.rules, index);
    const complaints = await stores.complaints({ rules, archivePath: daemon.archivePath });
    expect(complaints).toContainEqual(expect.stringMatching(message));
  });

  it('are needed in Consul as they are: `check` names a prefix that may only be read', async () => {
    for (const [index, what] of [
      [0, 'write config/'],
      [2, 'write the ledger'],
    ] as const) {
      const rules = stores.rules.map((rule, at) => (at === index ? rule.replace('"write"', '"read"') : rule));
      const complaints = await stores.complaints({ rules, archivePath: daemon.archivePath });
      expect(complaints).toContainEqual(expect.stringContaining(`Consul does not allow to ${what}`));
    }
  });

  const MISSING: Readonly<Record<string, RegExp>> = {
    '/config r': /read \/config: no permission/,
    '/config c': /create below \/config: no permission/,
    '/config d': /delete below \/config: no permission/,
    '/config/... r': /below \/config, first of all: read \/config\/\w+: no permission/,
    '/config/... w': /below \/config, first of all: setData \/config\/\w+: no permission/,
    '/config/... c': /first of all: create below \/config\/there: no permission/,
    '/config/... d': /first of all: delete below \/config\/there: no permission/,
    '/zk-consul-sync r': /look for other instances: .*\/zk-consul-sync /,
    '/zk-consul-sync/default r': /look for other instances: .*\/zk-consul-sync\/default /,
    [`${LEDGER} r`]: /\/zk-consul-sync\/default\/config/,
    [`${LEDGER} w`]: /the ledger \/zk-consul-sync\/default\/config: setData/,
  };

  it('are all taken away one by one below', () => {
    const letters = stores.acls.flatMap(({ path, letters }) =>
      [...letters].map((letter) => `${path} ${letter}`),
    );
    // Asked for only while there is no ledger.
    const whileThereIsNone = '/zk-consul-sync/default c';
    expect([...Object.keys(MISSING), whileThereIsNone].sort()).toEqual(letters.sort());
  });

  it.each(Object.entries(MISSING))(
    'are all needed in ZooKeeper: `check` names the znode without %s',
    async (permission, message) => {
      const [path = '', letter = ''] = permission.split(' ');
      const narrowed = stores.acls.map((acl) =>
        acl.path === path ? { path, letters: acl.letters.replace(letter, '') } : acl,
      );
      await applyAcls(stores.zookeeper, narrowed);
      const complaints = await stores.complaints({ archivePath: daemon.archivePath });
      expect(complaints).toContainEqual(expect.stringMatching(message));
    },
  );

  it('are needed to make a ledger: `check` names the znode where there is none and none can be made', async () => {
    const { zookeeper, acls } = stores;
    const narrowed = acls.map((acl) =>
      acl.path === '/zk-consul-sync/default' ? { ...acl, letters: 'r' } : acl,
    );
    await applyAcls(zookeeper, narrowed);
    await zookeeper.remove(LEDGER);
    expect(await stores.complaints()).toContainEqual(
      expect.stringMatching(/the ledger .*: create below \/zk-consul-sync\/default: no permission/),
    );
  });
});

describe('exactly the documented permissions for one direction', () => {
  it.each([
    [
      'zookeeper-to-consul',
      '### ZooKeeper to Consul',
      '### Both directions, and ZooKeeper to Consul',
      async ({ zookeeper, staging }: LeastStores) => {
        await zookeeper.create('/config/late', 'l', { acl: aclFor('r') });
        await staging.consulHolds('config/late', 'l');
      },
    ],
    [
      'consul-to-zookeeper',
      '### In both directions, and Consul to ZooKeeper',
      '### Consul to ZooKeeper',
      async (stores: LeastStores) => {
        await stores.staging.consul.put('config/late', 'l');
        await stores.holds('/config/late', 'l');
      },
    ],
  ])('%s let `check` find nothing, and the daemon do its work', async (direction, acls, rules, change) => {
    const stores = await LeastStores.start(acls, rules);
    try {
      expect(await stores.complaints({}, { direction })).toEqual([]);
      const daemon = await stores.daemon({ direction });
      await daemon.inSync();
      await change(stores);
      await daemon.inSync();
      expect(await stores.zookeeper.get(LEDGER)).toBeDefined();
      expect(await stores.staging.consul.get(LEDGER.slice(1))).toBeDefined();
      // The ledger follows changes of the source, so that a rollback of it would show.
      expect(await daemon.stop()).toBe(0);
      await applyAcls(stores.zookeeper, stores.acls);
      expect(await stores.complaints({ archivePath: daemon.archivePath }, { direction })).toEqual([]);
    } finally {
      await stores.dispose();
    }
  });

  it('for observing are reading alone', async () => {
    const stores = await LeastStores.start('### ZooKeeper to Consul', '### Observing');
    try {
      const before = await stores.zookeeper.listTree('/');
      expect(await stores.complaints({}, { mode: 'observe' })).toEqual([]);
      const daemon = await stores.daemon({ mode: 'observe' });
      const pending = async () => (await daemon.mapping()).pending.toConsul > 0;
      await waitUntil('the daemon to say what it would do', pending);
      expect(await stores.staging.consul.list('')).toEqual([]);
      expect(await stores.zookeeper.listTree('/')).toEqual(before);
      await daemon.stop();
    } finally {
      await stores.dispose();
    }
  });
});

describe('the same permissions, and a canary', () => {
  let stores: LeastStores;
  const canary = { enabled: true, every: '1s' };

  beforeAll(async () => {
    stores = await LeastStores.start(
      '### In both directions, and Consul to ZooKeeper',
      '### Both directions, and ZooKeeper to Consul',
    );
  });
  afterAll(() => stores.dispose());

  it('are enough for it, as `check` says before and while it runs', async () => {
    expect(await stores.complaints({ canary })).toEqual([]);
    const daemon = await stores.daemon({}, { canary });
    await daemon.inSync();
    const arrived = (replica: string) =>
      daemon.metric('zk_consul_sync_canary_lag_seconds_count', { replica });
    await waitUntil(
      'markers to arrive on both sides',
      async () => (await arrived('zookeeper')) > 1 && (await arrived('consul')) > 1,
      { timeoutMs: 30_000 },
    );
    expect(await stores.complaints({ canary, archivePath: daemon.archivePath })).toEqual([]);
  }, 120_000);

  it('are missed by `check` for it as well', async () => {
    const complaints = await stores.complaints({ canary, rules: without(stores.rules, 2) });
    expect(complaints).toContainEqual(
      expect.stringMatching(/^fail: denied by Consul, zk-consul-sync\/default\/\.canary\/: /),
    );
    const markers = '/zk-consul-sync/default/.canary/markers';
    await stores.zookeeper.setAcl(markers, aclFor('r'));
    expect(await stores.complaints({ canary })).toContainEqual(
      expect.stringContaining(`denied by ZooKeeper, create below ${markers}: no permission`),
    );
  });
});

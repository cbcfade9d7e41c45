import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { MAPPING_STATES } from '../../../src/ports/status.js';
import { parse } from '../config/configuration-text.js';
import { anchorsIn, exists, tableIn, sectionOf, textOf } from './markdown.js';

/** How long the daemon may take to end; see docs/commands.md. */
const STOP_SECONDS = 10;

/** What the pod of test/servers/deploy/kubernetes.test.ts has in common with the image. */
interface StatefulSet {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly securityContext: { readonly runAsUser: number };
        readonly containers: readonly [{ readonly args: readonly string[] }];
      };
    };
  };
}

function documentsIn(file: string): unknown[] {
  return parseAllDocuments(textOf(file)).map((document) => {
    expect({ file, errors: document.errors, warnings: document.warnings }).toEqual({
      file,
      errors: [],
      warnings: [],
    });
    return document.toJS() as unknown;
  });
}

describe('the Dockerfile', () => {
  const [set] = documentsIn('deploy/kubernetes/base/stateful-set.yaml') as [StatefulSet];
  const pod = set.spec.template.spec;
  const lines = textOf('deploy/docker/Dockerfile').split('\n');

  it('copies what is there, and what its .dockerignore lets through', () => {
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
      .flatMap((line) => line.split(' ').slice(1, -1));
    const let_ = textOf('deploy/docker/Dockerfile.dockerignore').match(/^!\S+$/gm) ?? [];
    expect(copied).toContain('src');
    expect(copied.filter((path) => !exists(path))).toEqual([]);
    expect(let_.map((line) => line.slice(1)).sort()).toEqual([...new Set(copied)].sort());
  });

  it('runs as the user, and with the configuration, that the manifests count on', () => {
    const user = String(pod.securityContext.runAsUser);
    expect(lines).toContain(`USER ${user}:${user}`);
    const command = lines.find((line) => line.startsWith('CMD '))?.slice('CMD '.length) ?? '';
    expect(JSON.parse(command)).toEqual(pod.containers[0].args);
  });

  it('is of a version of Node that the package supports', () => {
    const { engines } = JSON.parse(textOf('package.json')) as { engines: { node: string } };
    const oldest = Number(/\d+/.exec(engines.node)?.[0]);
    const bases = lines.flatMap((line) => /^FROM (\S+)/.exec(line)?.[1] ?? []);
    expect(bases).toEqual(['${NODE}', '${NODE}']);
    const version = /^ARG NODE=node:(\d+)-slim$/m.exec(lines.join('\n'))?.[1];
    expect(Number(version)).toBeGreaterThanOrEqual(oldest);
  });
});

interface Compose {
  readonly services: Readonly<
    Record<string, { readonly image: string; readonly volumes?: readonly string[] }>
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

describe('docker-compose.yaml', () => {
  const [compose] = documentsIn('deploy/docker-compose.yaml') as [Compose];
  const services = Object.entries(compose.services);
  const mounts = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')));

  it('has the stores, the daemon, Prometheus and Grafana, each of one version and none of whatever is latest', () => {
    expect(Object.keys(compose.services).sort()).toEqual(
      ['consul', 'grafana', 'prometheus', 'zk-consul-sync', 'zookeeper'].sort(),
    );
    const foreign = services.filter(([name]) => name !== 'zk-consul-sync');
    for (const [name, { image }] of foreign)
      expect([name, image]).toEqual([name, expect.stringMatching(/:v?\d+\.\d+\.\d+$/)]);
  });

  it('mounts files that there are, and volumes that it names', () => {
    const files = mounts
      .filter(([source]) => source?.startsWith('.'))
      .map(([source = '']) => join('deploy', source));
    expect(files.filter((file) => !exists(file))).toEqual([]);
    const named = mounts.filter(([source]) => !source?.startsWith('.')).map(([source]) => source);
    expect(named.sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  it('runs the daemon with a configuration that is valid, and names its neighbours as they are called', async () => {
    const config = await parse(textOf('deploy/docker/compose-config.yaml'), {
      environment: { ADMIN_TOKEN: 'secret' },
    });
    expect(new URL(config.consul.address).hostname).toBe('consul');
    expect(JSON.stringify(config.zookeeper.connect)).toContain('zookeeper');
    expect(mounts).toContainEqual(['archive', config.archive.path]);
    const [prometheus] = documentsIn('deploy/prometheus/prometheus.yaml') as [
      { scrape_configs: { static_configs: { targets: string[] }[] }[] },
    ];
    const port = config.admin.listen?.port ?? 0;
    expect(prometheus.scrape_configs[0]?.static_configs[0]?.targets).toEqual([`zk-consul-sync:${port}`]);
    const [source] = documentsIn('deploy/grafana/provisioning/datasources/prometheus.yaml') as [
      { datasources: { url: string }[] },
    ];
    expect(compose.services).toHaveProperty(new URL(source.datasources[0]?.url ?? '').hostname);
  });

  it('shows the dashboard where Grafana is told to look for it', () => {
    const [provider] = documentsIn('deploy/grafana/provisioning/dashboards/zk-consul-sync.yaml') as [
      { providers: { options: { path: string } }[] },
    ];
    const target = mounts.find(([source]) => source === './grafana/zk-consul-sync.json')?.[1];
    expect(target).toBe(`${provider.providers[0]?.options.path ?? ''}/zk-consul-sync.json`);
  });
});

describe('the systemd unit', () => {
  const unit = textOf('deploy/systemd/zk-consul-sync.service');
  const setting = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';

  it('starts, reloads and ends the daemon as it wants to be', async () => {
    expect(setting('ExecStart')).toMatch(/ run --config \/etc\/zk-consul-sync\/config\.yaml$/);
    expect(setting('ExecReload')).toContain('-HUP');
    expect(parseInt(setting('TimeoutStopSec'), 10)).toBeGreaterThan(STOP_SECONDS);
    expect(setting('RestartPreventExitStatus')).toBe('2');
    const { archive } = await parse(
      'zookeeper: { connect: zk }\nmappings: [{ name: a, zookeeper: /a, consul: a }]',
    );
    expect(join('/var/lib', setting('StateDirectory'))).toBe(archive.path);
  });

  it('waits for what the daemon says of itself, and lets its helper say it', () => {
    expect([setting('Type'), setting('NotifyAccess')]).toEqual(['notify', 'all']);
    // The daemon speaks at half of the time, and takes a loop for stuck after a minute.
    expect(parseInt(setting('WatchdogSec'), 10)).toBeGreaterThanOrEqual(20);
  });

  it('hands over secrets in the way that the documents say', async () => {
    const [id, path] = setting('LoadCredential').split(':');
    const [name = '', value] = setting('Environment').split('=');
    expect(value).toBe(`%d/${id ?? ''}_`);
    const line = `tokenFile: \${${name}:-${path ?? ''}/}consul-token`;
    expect(textOf('deploy/README.md')).toContain(line);
    const { consul } = await parse(
      `zookeeper: { connect: zk }\nconsul:\n  ${line}\nmappings: [{ name: a, zookeeper: /a, consul: a }]`,
      {
        environment: { [name]: '/run/credentials/secret_' },
        files: { '/run/credentials/secret_consul-token': 'token' },
      },
    );
    expect(consul.token).toEqual({ kind: 'file', file: '/run/credentials/secret_consul-token' });
  });

  it('answers forbidden system calls with an error and not with the end of the process', () => {
    expect(setting('SystemCallErrorNumber')).toBe('EPERM');
  });
});

describe('the alerts', () => {
  const [rules] = documentsIn('deploy/prometheus/rules.yaml') as [
    { groups: { rules: { alert: string; expr: string; annotations: { runbook: string } }[] }[] },
  ];
  const alerts = rules.groups.flatMap((group) => group.rules);

  it('look at metrics, labels and states that there are', () => {
    const metrics = textOf('docs/metrics.md');
    for (const { alert, expr } of alerts) {
      const names = expr.match(/zk_consul_sync_\w+/g) ?? [];
      expect({ alert, names }).not.toEqual({ alert, names: [] });
      const unknown = names.filter((name) => !metrics.includes(`\`${name.replace(/_bucket$/, '')}\``));
      expect({ alert, unknown }).toEqual({ alert, unknown: [] });
      const states = [...expr.matchAll(/state=~?"([^"]+)"/g)].flatMap((match) => match[1]?.split('|') ?? []);
      const strange = states.filter((state) => !MAPPING_STATES.some((known) => known === state));
      expect({ alert, strange }).toEqual({ alert, strange: [] });
    }
  });

  it('name a part of docs/operations.md that there is', () => {
    for (const { alert, annotations } of alerts) {
      const [page = '', anchor] = annotations.runbook.split('#');
      expect({ alert, page, anchors: anchorsIn(textOf(page)) }).toEqual({
        alert,
        page: 'docs/operations.md',
        anchors: expect.arrayContaining([anchor]) as string[],
      });
    }
  });

  it('have their answers in docs/operations.md, and no others', () => {
    const answered = tableIn(sectionOf(textOf('docs/operations.md'), '## Alerts')).map(([first]) => first);
    expect(answered).toEqual(alerts.map(({ alert }) => `\`${alert}\``));
  });
});

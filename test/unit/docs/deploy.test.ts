import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { MAPPING_STATES } from '../../../src/ports/status.js';
import { parse } from '../config/configuration-text.js';
import { anchorsIn, exists, filesEndingIn, tableIn, sectionOf, textOf } from './markdown.js';

/** How long the daemon may take to end; see docs/commands.md. */
const STOP_SECONDS = 10;

type Json = Readonly<Record<string, unknown>>;

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Deployment {
  readonly spec: {
    readonly replicas: number;
    readonly strategy: Json;
    readonly selector: { readonly matchLabels: Json };
    readonly template: {
      readonly metadata: { readonly labels: Json };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: { readonly runAsUser: number };
        readonly containers: readonly [Container];
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

function manifest<T>(name: string): T {
  return documentsIn(`deploy/kubernetes/${name}.yaml`)[0] as T;
}

const deployment = manifest<Deployment>('deployment');
const pod = deployment.spec.template.spec;
const [container] = pod.containers;
const environment = Object.fromEntries(container.env.map(({ name }) => [name, 'user:secret']));

function kubernetesConfig() {
  const { data } = manifest<{ data: Record<string, string> }>('configmap');
  return parse(data['config.yaml'] ?? '', { environment });
}

describe('the Kubernetes manifests', () => {
  it('are YAML, and all of them named in the kustomization', () => {
    const files = filesEndingIn('.yaml', 'deploy/kubernetes').map((file) => basename(file));
    for (const file of files) {
      expect(documentsIn(join('deploy/kubernetes', file))).toMatchObject([
        { apiVersion: expect.any(String) as string, kind: expect.any(String) as string },
      ]);
    }
    const named = [...textOf('deploy/kubernetes/kustomization.yaml').matchAll(/- (\S+\.yaml)$/gm)];
    expect(['kustomization.yaml', ...named.map((match) => match[1])].sort()).toEqual(files.sort());
  });

  it('bring a configuration that is valid with the variables that the container has', async () => {
    const config = await kubernetesConfig();
    expect(config.admin).toMatchObject({ listen: { port: container.ports[0]?.containerPort } });
    expect(config.admin.token).toBeDefined();
  });

  it('put the archive on the volume, and the configuration where the daemon is told to look', async () => {
    const config = await kubernetesConfig();
    const mounts = new Map(container.volumeMounts.map(({ name, mountPath }) => [name, mountPath]));
    expect(mounts.get('archive')).toBe(config.archive.path);
    expect(dirname(container.args.at(-1) ?? '')).toBe(mounts.get('config'));
  });

  it('never run two daemons at once, and let one end in its own time', () => {
    expect(deployment.spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(STOP_SECONDS);
  });

  it('ask for health where it is answered', () => {
    const requests = tableIn(sectionOf(textOf('docs/http-api.md'), '## Requests')).map(
      ([request]) => request,
    );
    for (const { httpGet } of [container.livenessProbe, container.readinessProbe]) {
      expect(requests).toContain(`\`GET ${httpGet.path}\``);
      expect(container.ports.map(({ name }) => name)).toContain(httpGet.port);
    }
  });

  it('find each other by their labels', () => {
    const { labels } = deployment.spec.template.metadata;
    const service = manifest<{ metadata: { labels: Json }; spec: { selector: Json } }>('service');
    const monitor = manifest<{ spec: { selector: { matchLabels: Json } } }>('service-monitor');
    expect(deployment.spec.selector.matchLabels).toEqual(labels);
    expect(service.spec.selector).toEqual(labels);
    expect(monitor.spec.selector.matchLabels).toEqual(service.metadata.labels);
  });
});

describe('the Dockerfile', () => {
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
    expect(JSON.parse(command)).toEqual(container.args);
  });

  it('is of a version of Node that the package supports', () => {
    const { engines } = JSON.parse(textOf('package.json')) as { engines: { node: string } };
    const oldest = Number(/\d+/.exec(engines.node)?.[0]);
    const versions = lines.flatMap((line) => /^FROM node:(\d+)/.exec(line)?.[1] ?? []);
    expect(versions).toHaveLength(2);
    expect(versions.filter((version) => Number(version) < oldest)).toEqual([]);
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

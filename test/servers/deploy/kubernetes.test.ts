import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import type { IStatefulSet } from 'kubernetes-models/apps/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IConfigMap, INamespace, IService } from 'kubernetes-models/v1';
import type { IServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { parse } from '../../unit/config/configuration-text.js';
import type { Manifest } from './manifests.js';
import { complaintsOfSchema, complaintsOfTypes, rendered, renderedOverlay } from './manifests.js';

const OVERLAYS = new URL('../../../deploy/kubernetes/overlays/', import.meta.url).pathname;
const NAMES = readdirSync(OVERLAYS);
/** How long the daemon may take to end; see docs/commands.md. */
const STOP_SECONDS = 10;

const overlays = new Map<string, Manifest[]>();
beforeAll(() => {
  for (const name of NAMES) overlays.set(name, renderedOverlay(name));
});

function manifest<T>(overlay: string, kind: string): T {
  const found = overlays.get(overlay)!.filter((one) => one.kind === kind);
  expect(found.map(({ kind: name }) => name)).toEqual([kind]);
  return found[0] as unknown as T;
}

function podOf(overlay: string) {
  const { spec } = manifest<IStatefulSet>(overlay, 'StatefulSet');
  const { template } = spec!;
  const pod = template.spec!;
  return { spec: spec!, template, pod, container: pod.containers[0]! };
}

async function configOf(overlay: string) {
  const text = manifest<IConfigMap>(overlay, 'ConfigMap').data!['config.yaml']!;
  const { container } = podOf(overlay);
  const environment = Object.fromEntries(
    container.env!.map(({ name, value }) => [name, value ?? 'user:secret']),
  );
  return { text, config: await parse(text, { environment }) };
}

it('there is an overlay for one daemon, and one for several', () => {
  expect(NAMES.sort()).toEqual(['high-availability', 'single']);
});

describe.each(NAMES)('the overlay %s', (name) => {
  it('is rendered by kubectl without a complaint, with and without the Prometheus operator', () => {
    const own = rendered(join(OVERLAYS, name)).map(({ kind }) => kind);
    const all = overlays.get(name)!.map(({ kind }) => kind);
    expect(own).toEqual(
      expect.arrayContaining(['Namespace', 'ConfigMap', 'Service', 'StatefulSet', 'NetworkPolicy']),
    );
    expect(all.sort()).toEqual([...own, 'PrometheusRule', 'ServiceMonitor'].sort());
  });

  it('holds nothing that the schemas and types of Kubernetes do not know', async () => {
    const manifests = overlays.get(name)!;
    for (const one of manifests)
      expect([one.kind, await complaintsOfSchema(one)]).toEqual([one.kind, undefined]);
    expect(complaintsOfTypes(manifests)).toEqual([]);
  });

  it('would be told from one with a wrong value, or a misspelt field', async () => {
    const text = JSON.stringify(manifest(name, 'StatefulSet'));
    const wrong = JSON.parse(text.replace(/"replicas":\d/, '"replicas":"two"')) as Manifest;
    expect(await complaintsOfSchema(wrong)).toContain('replicas');
    const misspelt = JSON.parse(text.replace('"failureThreshold"', '"failureTreshold"')) as Manifest;
    expect(complaintsOfTypes([misspelt]).join()).toContain('failureTreshold');
  });

  it('puts everything into one namespace, and under one label that all selectors ask for', () => {
    const labels = { 'app.kubernetes.io/name': 'zk-consul-sync' };
    const manifests = overlays.get(name)!.filter(({ kind }) => kind !== 'Namespace');
    for (const { metadata } of manifests)
      expect(metadata).toMatchObject({ namespace: 'zk-consul-sync', labels });
    const { spec, template } = podOf(name);
    expect([template.metadata?.labels, spec.selector.matchLabels]).toEqual([labels, labels]);
    const service = manifest<IService>(name, 'Service');
    expect(service.spec?.selector).toEqual(labels);
    expect(spec.serviceName).toBe(service.metadata?.name);
    expect(manifest<IServiceMonitor>(name, 'ServiceMonitor').spec.selector.matchLabels).toEqual(labels);
    expect(manifest<INetworkPolicy>(name, 'NetworkPolicy').spec?.podSelector).toEqual({
      matchLabels: labels,
    });
  });

  it('lets the pod run in a namespace of the restricted standard, on a file system that it can only read', () => {
    const namespace = manifest<INamespace>(name, 'Namespace');
    expect(namespace.metadata?.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    const { pod, container } = podOf(name);
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.securityContext?.runAsUser).toBeGreaterThan(0);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect([pod.hostNetwork, pod.hostPID, pod.hostIPC]).toEqual([undefined, undefined, undefined]);
  });

  it('brings a configuration that is valid with the variables that the container has', async () => {
    const { config } = await configOf(name);
    const { container } = podOf(name);
    expect(config.admin).toMatchObject({ listen: { port: container.ports![0]!.containerPort } });
    expect(config.admin.token).toBeDefined();
    expect(config.highAvailability.enabled).toBe(name === 'high-availability');
  });

  it('puts the archive on a volume of each pod, and the configuration where the daemon is told to look', async () => {
    const { config } = await configOf(name);
    const { spec, pod, container } = podOf(name);
    const mounts = new Map(container.volumeMounts!.map((mount) => [mount.name, mount]));
    expect(mounts.get('archive')?.mountPath).toBe(config.archive.path);
    expect(spec.volumeClaimTemplates!.map(({ metadata }) => metadata?.name)).toEqual(['archive']);
    const file = container.args!.at(-1)!;
    expect(dirname(file)).toBe(mounts.get('config')?.mountPath);
    expect(mounts.get('config')?.subPath).toBeUndefined();
    const source = pod.volumes!.find((volume) => volume.name === 'config')?.configMap?.name;
    expect(source).toBe(manifest<IConfigMap>(name, 'ConfigMap').metadata?.name);
    expect(Object.keys(manifest<IConfigMap>(name, 'ConfigMap').data!)).toEqual([basename(file)]);
  });

  it('lets the daemon end in its own time, and reach the stores and nothing else', async () => {
    const { config } = await configOf(name);
    expect(podOf(name).pod.terminationGracePeriodSeconds).toBeGreaterThan(STOP_SECONDS);
    const { egress, policyTypes } = manifest<INetworkPolicy>(name, 'NetworkPolicy').spec!;
    const ports = egress!.flatMap((rule) => rule.ports!.map(({ port, protocol }) => `${protocol!} ${port!}`));
    const { servers } = config.zookeeper.connect as unknown as { servers: ReadonlyArray<{ port: number }> };
    const stores = new Set([...servers.map(({ port }) => port), Number(new URL(config.consul.address).port)]);
    expect(ports).toEqual(['UDP 53', 'TCP 53', ...[...stores].map((port) => `TCP ${port}`)]);
    expect(policyTypes).toEqual(['Ingress', 'Egress']);
  });
});

it('several daemons are spread over nodes, one of them is always there, and a single one keeps no node', () => {
  const { spec, pod } = podOf('high-availability');
  expect(spec.replicas).toBe(2);
  expect(pod.topologySpreadConstraints!.map(({ topologyKey }) => topologyKey)).toContain(
    'kubernetes.io/hostname',
  );
  const budget = manifest<IPodDisruptionBudget>('high-availability', 'PodDisruptionBudget');
  expect(budget.spec).toEqual({ maxUnavailable: 1, selector: { matchLabels: spec.selector.matchLabels } });
  expect(podOf('single').spec.replicas).toBe(1);
  expect(overlays.get('single')!.map(({ kind }) => kind)).not.toContain('PodDisruptionBudget');
});

describe('a daemon with the configuration of the manifests', () => {
  let staging: Staging;
  let daemon: DaemonProcess;
  beforeAll(async () => {
    staging = await Staging.start();
    const { text } = await configOf('single');
    const { mappings, highAvailability } = parseYaml(text) as {
      mappings: Array<Record<string, unknown>>;
      highAvailability: Record<string, unknown>;
    };
    daemon = await staging.startDaemon({
      mappings,
      config: { highAvailability, admin: { token: '${ADMIN_TOKEN}' } },
      environment: { ADMIN_TOKEN: 'secret' },
      listenHost: '0.0.0.0',
    });
    await daemon.inSync();
  });
  afterAll(() => staging.dispose());

  it.each(NAMES)('answers all probes, and Prometheus, where %s asks', async (name) => {
    const { container } = podOf(name);
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    for (const probe of probes) {
      const { path, port } = probe!.httpGet!;
      expect(port).toBe(container.ports![0]!.name);
      expect([path, (await fetch(`${daemon.adminUrl}${path!}`)).status]).toEqual([path, 200]);
    }
    const [endpoint] = manifest<IServiceMonitor>(name, 'ServiceMonitor').spec.endpoints;
    const service = manifest<IService>(name, 'Service').spec!.ports![0]!;
    expect([endpoint!.port, service.targetPort]).toEqual([service.name, container.ports![0]!.name]);
    expect(await (await fetch(`${daemon.adminUrl}${endpoint!.path!}`)).text()).toContain(
      'zk_consul_sync_in_sync',
    );
  });
});

import { readFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';

const RULES = 'deploy/prometheus/rules.yaml';
export const PROMETHEUS_RULE = 'deploy/kubernetes/components/prometheus-operator/prometheus-rule.yaml';

/** The alert rules as the Prometheus operator wants them. kustomize itself reads no file from outside of its folder. */
export async function prometheusRule(root: URL): Promise<string> {
  const rules = parse(await readFile(new URL(RULES, root), 'utf8')) as object;
  const name = 'zk-consul-sync';
  const object = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name, namespace: name, labels: { 'app.kubernetes.io/name': name } },
    spec: rules,
  };
  return `# Made from ${RULES} by \`npm run generate\`.\n${stringify(object, { lineWidth: 0 })}`;
}

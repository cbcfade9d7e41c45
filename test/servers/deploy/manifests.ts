import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { parseAllDocuments, stringify } from 'yaml';
import { kubectl } from '../../kit/servers/found-tools.js';

const ROOT = new URL('../../../', import.meta.url).pathname;
const KUBERNETES = join(ROOT, 'deploy/kubernetes');
/** Beside node_modules, where the compiler finds the types, and kustomize the bases. */
const SCRATCH = join(ROOT, '.cache');

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** What `kubectl apply --kustomize` would send. @throws when kubectl complains of anything */
export function rendered(folder: string): Manifest[] {
  const { status, stdout, stderr } = spawnSync(kubectl(), ['kustomize', folder], {
    encoding: 'utf8',
    timeout: 50_000,
  });
  if (status !== 0 || stderr !== '') throw new Error(`kubectl kustomize ${folder}: ${stderr}`);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

/** An overlay, with what it has commented out for the Prometheus operator. */
export function renderedOverlay(name: string): Manifest[] {
  return withScratch((scratch) => {
    const kustomization = {
      resources: [relative(scratch, join(KUBERNETES, 'overlays', name))],
      components: [relative(scratch, join(KUBERNETES, 'components/prometheus-operator'))],
    };
    writeFileSync(join(scratch, 'kustomization.yaml'), stringify(kustomization));
    return rendered(scratch);
  });
}

/** What the published schema of its kind says against a manifest. */
export async function complaintsOfSchema(manifest: Manifest): Promise<string | undefined> {
  const module = (await import(moduleOf(manifest))) as Record<
    string,
    (new (data: Manifest) => { validate(): void }) | undefined
  >;
  const Model = module[manifest.kind];
  if (Model === undefined) return `${manifest.apiVersion} has no ${manifest.kind}`;
  try {
    new Model(manifest).validate();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

/** What the compiler says when manifests are assigned to the types of their kinds: fields that there are not, above all. */
export function complaintsOfTypes(manifests: readonly Manifest[]): string[] {
  return withScratch((scratch) => {
    const file = join(scratch, 'manifests.ts');
    const lines = manifests.flatMap((manifest, index) => [
      `import type { I${manifest.kind} as Kind${index} } from '${moduleOf(manifest)}';`,
      `export const manifest${index}: Kind${index} = ${JSON.stringify(manifest)};`,
    ]);
    writeFileSync(file, lines.join('\n'));
    const program = ts.createProgram([file], {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      types: [],
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
    });
    return ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  });
}

function moduleOf({ apiVersion }: Manifest): string {
  return apiVersion.startsWith('monitoring.coreos.com/')
    ? `@kubernetes-models/prometheus-operator/${apiVersion}`
    : `kubernetes-models/${apiVersion}`;
}

function withScratch<T>(use: (folder: string) => T): T {
  mkdirSync(SCRATCH, { recursive: true });
  const folder = mkdtempSync(join(SCRATCH, 'manifests-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stagesOf } from '../../kit/dockerfile.js';
import { textOf } from '../../unit/docs/markdown.js';

const ROOT = new URL('../../../', import.meta.url).pathname;
const BUILD_TIMEOUT_MS = 400_000;

interface Ran {
  readonly status: number | null;
  readonly said: string;
}

function run(command: string, cwd: string): Ran {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
    cwd,
    encoding: 'utf8',
    timeout: BUILD_TIMEOUT_MS,
  });
  return { status, said: stdout + stderr };
}

/**
 * What the Dockerfile says, done without an engine: its COPY and RUN statements in folders that stand for the file
 * systems of its stages. `npm ci` is replaced by a copy of the packages that were installed from the same lock file.
 */
describe('the image, as its Dockerfile says', () => {
  let scratch: string;
  const ran: string[] = [];
  const appOf = (stage: string): string => join(scratch, stage, 'app');

  beforeAll(() => {
    mkdirSync(join(ROOT, '.cache'), { recursive: true });
    scratch = mkdtempSync(join(ROOT, '.cache', 'image-'));
    for (const stage of stagesOf(textOf('deploy/docker/Dockerfile'))) {
      const app = appOf(stage.name);
      mkdirSync(app, { recursive: true });
      for (const { statement, from, sources, target, command } of stage.steps) {
        if (statement === 'COPY') {
          const base = from === undefined ? ROOT : join(scratch, from);
          for (const source of sources) {
            const into = target.endsWith('/')
              ? join(app, target, source.split('/').at(-1)!)
              : join(app, target);
            cpSync(join(base, source), into, { recursive: true, verbatimSymlinks: true });
          }
        } else if (command.startsWith('npm ci')) {
          ran.push(command);
          cpSync(join(ROOT, 'node_modules'), join(app, 'node_modules'), {
            recursive: true,
            verbatimSymlinks: true,
          });
        } else if (stage.name === 'build') {
          ran.push(command);
          expect({ command, ...run(command, app) }).toMatchObject({ status: 0 });
        }
      }
    }
  }, BUILD_TIMEOUT_MS);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it('is built by commands that work', () => {
    expect(ran).toEqual(['npm ci --ignore-scripts', expect.stringMatching(/^npm run build && npm prune/)]);
  });

  it('holds a program that starts, with nothing but what was copied', () => {
    const app = appOf('image');
    expect(run(`'${process.execPath}' dist/main.js --version`, app)).toEqual({ status: 0, said: '0.1.0\n' });
    // All of the daemon is loaded before it finds that there is no configuration.
    const missing = run(`'${process.execPath}' dist/main.js run --config /nowhere.yaml`, app);
    expect(missing.status).toBe(2);
    expect(missing.said).toContain('/nowhere.yaml');
  });

  it('holds packages that the program needs, and none that are for development', () => {
    const packages = readdirSync(join(appOf('image'), 'node_modules'));
    expect(packages).toEqual(expect.arrayContaining(['fastify', 'lmdb']));
    expect(packages.filter((name) => /^(vitest|typescript|eslint|kubernetes-models)$/.test(name))).toEqual(
      [],
    );
  });
});

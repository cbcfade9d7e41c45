import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { prometheusBinary } from './found-tools.js';
import { freePorts } from './free-ports.js';
import { PortTakenError, ServerProcess } from './server-process.js';
import { waitUntil } from './wait-until.js';

const START_ATTEMPTS_MAX = 5;
const REQUEST_TIMEOUT_MS = 20_000;

/** One series of an answer, at one moment. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface PrometheusOptions {
  /** `host:port` of what it scrapes, each second. */
  readonly targets: readonly string[];
  readonly ruleFile: string;
}

/** A real Prometheus. The caller disposes it. */
export class PrometheusServer {
  private constructor(
    private readonly server: ServerProcess,
    private readonly port: number,
  ) {}

  static async start(options: PrometheusOptions): Promise<PrometheusServer> {
    for (let attempt = 1; ; attempt++) {
      const [port = 0] = await freePorts(1);
      const prometheus = new PrometheusServer(await ServerProcess.create('prometheus'), port);
      try {
        await prometheus.launch(options);
        return prometheus;
      } catch (error) {
        await prometheus.dispose();
        if (!(error instanceof PortTakenError && attempt < START_ATTEMPTS_MAX)) throw error;
      }
    }
  }

  /** An instant query, now. @throws Error with what Prometheus says against it */
  async query(expr: string): Promise<readonly Sample[]> {
    const { result } = await this.get<{ result: readonly Sample[] }>(
      `query?${new URLSearchParams({ query: expr }).toString()}`,
    );
    return result;
  }

  /** `data` of an answer of its HTTP API. */
  async get<T>(path: string): Promise<T> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/v1/${path}`, {
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string };
    if (status !== 'success') throw new Error(`Prometheus refuses ${path}: ${String(error)}`);
    return data;
  }

  /** Waits until a query has data, and is true of all of it. */
  async shows(expr: string, holds: (value: number) => boolean, timeoutMs = 30_000): Promise<void> {
    await waitUntil(
      `Prometheus to show ${expr}`,
      async () => {
        const samples = await this.query(expr);
        return samples.length > 0 && samples.every(({ value }) => holds(Number(value[1])));
      },
      { timeoutMs },
    );
  }

  dispose(): Promise<void> {
    return this.server.dispose();
  }

  private async launch({ targets, ruleFile }: PrometheusOptions): Promise<void> {
    const file = join(this.server.folder, 'prometheus.yaml');
    const configuration = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [ruleFile],
      scrape_configs: [{ job_name: 'zk-consul-sync', static_configs: [{ targets }] }],
    };
    await writeFile(file, stringify(configuration));
    await this.server.start({
      program: prometheusBinary(),
      parameters: [
        `--config.file=${file}`,
        `--storage.tsdb.path=${this.server.dataDirectory}`,
        `--web.listen-address=127.0.0.1:${this.port}`,
      ],
      portTaken: /address already in use/,
      isReady: async () => (await fetch(`http://127.0.0.1:${this.port}/-/ready`)).ok,
    });
  }
}

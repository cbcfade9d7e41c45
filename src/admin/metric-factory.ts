import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

export const METRIC_PREFIX = 'zk_consul_sync_';

/** Makes metrics in one registry, with the project's prefix. */
export class MetricFactory {
  constructor(readonly registry: Registry) {}

  counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter(this.#configuration(name, help, labelNames));
  }

  gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> {
    return new Gauge(this.#configuration(name, help, labelNames));
  }

  histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    bucketsSeconds: readonly number[],
  ): Histogram<Label> {
    return new Histogram({
      ...this.#configuration(name, help, labelNames),
      buckets: [...bucketsSeconds],
    });
  }

  #configuration<Label extends string>(name: string, help: string, labelNames: readonly Label[]) {
    return {
      name: METRIC_PREFIX + name,
      help: `${help}.`,
      labelNames: [...labelNames],
      registers: [this.registry],
    };
  }
}

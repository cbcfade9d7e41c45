/** What a Prometheus server would read out of the text. */
export interface Exposition {
  readonly types: ReadonlyMap<string, string>;
  /** By name and labels as written. */
  readonly values: ReadonlyMap<string, number>;
  /** The labels that the series of a metric have; those of a histogram's parts count to the histogram. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
}

export function parseExposition(text: string): Exposition {
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  const labels = new Map<string, Set<string>>();
  for (const line of text.split('\n').filter((it) => it !== '')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null) types.set(type[1]!, type[2]!);
    if (line.startsWith('#')) continue;
    const sample = /^([a-z0-9_]+)(\{(.*)\})? (\S+)$/.exec(line);
    if (sample === null) throw new Error(`not a line of the text format: ${line}`);
    const [, name = '', shownLabels = '', inner = '', value = ''] = sample;
    values.set(name + shownLabels, Number(value));
    const metric = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    if (!types.has(metric)) throw new Error(`a sample of no metric: ${line}`);
    const seen = labels.get(metric) ?? new Set();
    for (const [, label] of inner.matchAll(/([a-z_]+)="(?:[^"\\]|\\.)*"/g)) {
      if (label !== 'le') seen.add(label!);
    }
    labels.set(metric, seen);
  }
  return { types, values, labels };
}

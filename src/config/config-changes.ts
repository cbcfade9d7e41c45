import type { Config } from './schema.js';
import { Secret } from './secret.js';

type Section = Exclude<keyof Config, 'mappings'>;

/** Which sections a running daemon takes over as they are, and which it reads only at its start. */
const TAKES_EFFECT: Readonly<Record<Section, 'at once' | 'after a restart'>> = {
  instance: 'after a restart',
  zookeeper: 'after a restart',
  consul: 'after a restart',
  archive: 'after a restart',
  highAvailability: 'after a restart',
  admin: 'after a restart',
  journal: 'after a restart',
  limits: 'at once',
  canary: 'at once',
  log: 'at once',
};

/** What a reload changes. Mappings go by their names; their order means nothing. */
export interface ConfigChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly { readonly mapping: string; readonly settings: readonly string[] }[];
  /** Changed sections that take effect at once. */
  readonly sections: readonly Section[];
  /** Changed sections that take effect only when the daemon starts again. */
  readonly needRestart: readonly Section[];
}

export function describeChanges(before: Config, after: Config): ConfigChanges {
  const old = new Map(before.mappings.map((mapping) => [mapping.name, mapping]));
  const present = new Map(after.mappings.map((mapping) => [mapping.name, mapping]));
  const sections = (Object.keys(TAKES_EFFECT) as Section[]).filter(
    (name) => !same(before[name], after[name]),
  );
  return {
    added: [...present.keys()].filter((name) => !old.has(name)),
    removed: [...old.keys()].filter((name) => !present.has(name)),
    changed: [...present].flatMap(([mapping, now]) => {
      const settings = changedSettings(old.get(mapping) ?? now, now);
      return settings.length === 0 ? [] : [{ mapping, settings }];
    }),
    sections: sections.filter((name) => TAKES_EFFECT[name] === 'at once'),
    needRestart: sections.filter((name) => TAKES_EFFECT[name] === 'after a restart'),
  };
}

function changedSettings<T extends object>(before: T, after: T): string[] {
  return Object.entries(after)
    .filter(([name, value]) => !same(before[name as keyof T], value))
    .map(([name]) => name);
}

/** Deep equality of configuration values; `isDeepStrictEqual` would take all secrets for equal. */
function same(a: unknown, b: unknown): boolean {
  if (a instanceof Secret || b instanceof Secret)
    return a instanceof Secret && b instanceof Secret && a.equals(b);
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(a[key as keyof typeof a], b[key as keyof typeof b]));
}

import { MAPPINGS_MAX } from './mapping-section.js';
import { SERVICES_MAX } from './services-section.js';
import type { SettingPath } from './setting-tree.js';
import { formatPath } from './setting-tree.js';
import type { Place, ReadSettings } from './settings-reader.js';

/** Access to settings as they were read, of which nothing else is known yet. */
export class SettingsLookup {
  readonly #settings: ReadSettings;

  constructor(settings: ReadSettings) {
    this.#settings = settings;
  }

  place(path: SettingPath): Place | undefined {
    return this.#settings.places.get(formatPath(path));
  }

  /** Whether the setting is in the file, readable or not. */
  has(path: SettingPath): boolean {
    return this.place(path) !== undefined;
  }

  value(path: SettingPath): unknown {
    if (this.place(path)?.failed !== false) return undefined;
    let value = this.#settings.value;
    for (const step of path) value = (value as Readonly<Record<string | number, unknown>> | null)?.[step];
    return value;
  }

  text(path: SettingPath): string | undefined {
    const value = this.value(path);
    return typeof value === 'string' ? value : undefined;
  }

  /** All that has a name and a place in ZooKeeper. What is beyond the limit is a problem already, and needs no more looking at. */
  get synced(): readonly SettingPath[] {
    return [...this.itemsOf('mappings', MAPPINGS_MAX), ...this.itemsOf('services', SERVICES_MAX)];
  }

  itemsOf(section: 'mappings' | 'services', most: number): SettingPath[] {
    const items = this.value([section]);
    const count = Array.isArray(items) ? Math.min(items.length, most) : 0;
    return Array.from({ length: count }, (_, at) => [section, at]);
  }

  /** Whether the file holds settings at all. */
  get isGroup(): boolean {
    const { value } = this.#settings;
    return typeof value === 'object' && !Array.isArray(value);
  }

  /** Whether ZooKeeper is asked for digest authentication, the default. */
  get usesDigest(): boolean {
    const path = ['zookeeper', 'auth', 'scheme'];
    return !this.has(path) || this.value(path) === 'digest';
  }
}

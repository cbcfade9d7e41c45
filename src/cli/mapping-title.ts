import type { MappingConfig } from '../config/schema.js';
import { printableKey } from './printable.js';
import type { Terminal } from './terminal.js';

/** `Mapping config: /config in ZooKeeper, config/ in Consul` */
export function mappingTitle(terminal: Terminal, mapping: MappingConfig): string {
  const { zookeeper, consul } = placesShown(mapping);
  return terminal.style(`Mapping ${mapping.name}: ${zookeeper} in ZooKeeper, ${consul} in Consul`, 'bold');
}

/** What is mapped on each side, for messages. */
export function placesShown({ zookeeper, consul, services }: MappingConfig): {
  zookeeper: string;
  consul: string;
} {
  const keys = consul === '' ? 'all keys' : printableKey(`${consul}/`);
  return { zookeeper: printableKey(zookeeper), consul: services === undefined ? keys : 'services' };
}

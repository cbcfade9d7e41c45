import type { DaemonStatus, MappingStatus } from '../ports/status.js';

/** Longer lists are cut: `systemctl status` has one line for all of it. */
const NAMED_MAX = 5;

/** What `systemctl status` shows: how many mappings are in sync, and what is the matter with the others. */
export function statusLine({ replicas, mappings }: DaemonStatus): string {
  const away = [
    ...(replicas.zookeeper.connected ? [] : ['ZooKeeper']),
    ...(replicas.consul.connected ? [] : ['Consul']),
  ];
  const inSync = mappings.filter((mapping) => mapping.inSync).length;
  const others = mappings.map(trouble).filter((text) => text !== undefined);
  return [
    `${inSync} of ${mappings.length} ${mappings.length === 1 ? 'mapping' : 'mappings'} in sync`,
    ...(away.length > 0 ? [`not connected to ${away.join(' and ')}`] : []),
    ...others.slice(0, NAMED_MAX),
    ...(others.length > NAMED_MAX ? [`and ${others.length - NAMED_MAX} more`] : []),
  ].join('; ');
}

/** Undefined where there is nothing to say. Reasons and states are the project's own words, and names are restricted. */
function trouble({ name, state, inSync, holds, pending }: MappingStatus): string | undefined {
  const reasons = new Set(holds.map(({ reason }) => reason));
  const held = reasons.size > 0 ? ` (${[...reasons].join(', ')})` : '';
  if (state !== 'live' || held !== '') return `${name} ${state}${held}`;
  if (!inSync) return `${name} has ${pending.left + pending.right} to write`;
  return undefined;
}

import { SyncError } from '../ports/errors.js';
import type { MappingSync } from '../sync/mapping-sync.js';

/** What is decided is decided where it is carried out, and journaled. */
export function mustLead({ role, succession, context }: MappingSync): void {
  if (role === 'active' || succession === undefined) return;
  const { leader } = succession;
  if (leader === undefined) {
    throw refused(`no daemon leads mapping ${context.name} just now: ask again when one does`);
  }
  const where = leader.admin === undefined ? `on ${leader.host}` : `on ${leader.host}, at ${leader.admin}`;
  throw refused(`this daemon is a standby of mapping ${context.name}: ask the one that leads it, ${where}`);
}

/** The daemon is well, and the answer is no. */
export function refused(message: string): SyncError {
  return new SyncError('REFUSED', message);
}

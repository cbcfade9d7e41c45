import type { MappingHoldReason } from '../core/mapping-state.js';
import type { EntryHoldReason } from '../ports/archive.js';

/** What a person can do about a hold: first what to find out, then the commands that end it. */
export interface HoldAdvice {
  readonly first: string;
  readonly commands: readonly HoldCommand[];
}

export interface HoldCommand {
  readonly effect: string;
  readonly command: 'approve' | 'resync' | 'release';
  readonly options: readonly string[];
}

const APPROVE: HoldCommand = { effect: 'let exactly these pass', command: 'approve', options: [] };

function resync(first: string): HoldAdvice {
  const effects = {
    zookeeper: 'start over, ZooKeeper wins',
    consul: 'start over, Consul wins',
    merge: 'start over, each difference decided as a conflict',
  };
  const commands = Object.entries(effects).map(([from, effect]) => ({
    effect,
    command: 'resync' as const,
    options: ['--from', from],
  }));
  return { first, commands };
}

function release(first: string): HoldAdvice {
  const commands = (['zookeeper', 'consul'] as const).map((keep) => ({
    effect: `the content of ${keep} stands on both sides`,
    command: 'release' as const,
    options: ['--keep', keep],
  }));
  return { first, commands };
}

const ADVICE: Readonly<Record<MappingHoldReason | EntryHoldReason, HoldAdvice>> = {
  'mass-deletion': {
    first:
      'Find out who deleted so much. If it was a mistake, put the entries back: the hold then has nothing left to hold.',
    commands: [APPROVE],
  },
  'mass-conflict': {
    first:
      'Both sides differ in much. Look at what would be overwritten, and whether the right stores are mapped.',
    commands: [APPROVE],
  },
  'identity-changed': resync(
    'Look whether the configuration names the right store. If it was mispointed, correct that: the hold ends by itself.',
  ),
  'rolled-back': resync('The store went back to an earlier state. Decide which side has what is to stand.'),
  'archive-lost': resync(
    'Put the archive back in its place (archive.path) if it still exists. Without it nothing tells deletions from what was never there.',
  ),
  'mapped-twice': {
    first:
      'Another daemon syncs the same entries. Stop one of them, or give them different entries. If the hold does not end by itself within a minute then, start this daemon again.',
    commands: [],
  },
  conflict: release('Both sides changed it. Decide whose content stands.'),
  oscillating: release(
    'Find the program that keeps writing it back, and stop it. Then decide whose content stands.',
  ),
  'copy-modified': release(
    'Find the client that writes to the copy of an entry that a session owns elsewhere.',
  ),
  'journal-full': {
    first:
      'Give the conflict journal more room (journal.maxBytes), or decide its open conflicts; writing goes on by itself then.',
    commands: [],
  },
};

/** @param reason as the status names it; undefined for one that this version does not know */
export function holdAdvice(reason: string): HoldAdvice | undefined {
  return Object.hasOwn(ADVICE, reason) ? ADVICE[reason as keyof typeof ADVICE] : undefined;
}

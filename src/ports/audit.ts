import type { EntryKey } from '../core/observation.js';
import type { Version } from '../core/version.js';

/** Told of every write to a store as soon as its outcome is known. Never throws, and keeps nobody waiting. */
export interface Audit {
  /** Whether anybody wants to know. */
  readonly isOn: boolean;
  written(write: AuditedWrite): void;
}

/** One write of the daemon to one entry of one store. Values are told by their size and digest only. */
export interface AuditedWrite {
  /** Wall-clock milliseconds since the epoch. */
  readonly atMs: number;
  readonly mapping: string;
  readonly key: EntryKey;
  /** The store written to, and the one whose content or deletion it carries over; or `operator`, who has ordered it. */
  readonly replica: string;
  readonly origin: string;
  readonly operation: 'create' | 'update' | 'delete';
  /** What it was to replace; undefined where there was none. */
  readonly before: AuditedContent | undefined;
  /** What is there now; undefined where it was deleted, or not written. */
  readonly after: AuditedContent | undefined;
  /** What made the daemon write: `changed`, `deleted`, `ordered`, ..., or the rule by which a conflict was decided. */
  readonly reason: string;
  /** `ok`, `condition-failed`, or why not: the code of an error, or of a refusal. */
  readonly result: string;
}

export interface AuditedContent {
  /** Undefined where the store did not tell. */
  readonly version: Version | undefined;
  readonly bytes: number;
  readonly digest: string;
}

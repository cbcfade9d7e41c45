import type { Side } from '../core/pair.js';
import type { RescanReason } from './rescan.js';

/** What the loops of one mapping count. Implemented over Prometheus; label values are bounded by these types. */
export interface MappingMetrics {
  write(on: Side, operation: 'create' | 'update' | 'delete', result: WriteResult, count: number): void;
  batch(on: Side): void;
  echoes(at: Side, count: number): void;
  conflict(result: ConflictResult): void;
  rescan(reason: RescanReason): void;
  /** A client has changed an entry at that side. */
  clientChange(at: Side): void;
  /** From the change being noticed to its write being acknowledged. */
  propagated(on: Side, seconds: number): void;
  /** One round of the loop: read, decide, write, record. */
  reconciled(seconds: number): void;
}

export type WriteResult = 'applied' | 'condition-failed' | 'rejected' | 'retriable' | 'unknown';
export type ConflictResult = 'left-won' | 'right-won' | 'held';

import { SyncError } from '../../ports/errors.js';
import { isUnreachable } from '../exit-code.js';

/** One thing that `check` found out. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail';
  /** What it is about: `configuration`, `archive`, `zookeeper`, `consul`, or a mapping by its name. */
  readonly about: string;
  readonly message: string;
  /** A store can't be reached, or lets nobody in. */
  readonly unreachable: boolean;
}

/** Takes findings down in their order. */
export class Findings {
  private readonly all: Finding[] = [];

  get list(): readonly Finding[] {
    return this.all;
  }

  ok(about: string, message: string): void {
    this.add({ level: 'ok', about, message, unreachable: false });
  }

  warn(about: string, message: string): void {
    this.add({ level: 'warn', about, message, unreachable: false });
  }

  fail(about: string, message: string): void {
    this.add({ level: 'fail', about, message, unreachable: false });
  }

  /** Of a store that can't be reached, or lets nobody in. */
  unreachable(about: string, message: string): void {
    this.add({ level: 'fail', about, message, unreachable: true });
  }

  /**
   * Takes down an error that a store or the archive gave on purpose.
   * @throws whatever else it is
   */
  failure(about: string, error: unknown): void {
    if (!(error instanceof SyncError)) throw error;
    this.add({ level: 'fail', about, message: error.message, unreachable: isUnreachable(error.code) });
  }

  addAll(findings: readonly Finding[]): void {
    this.all.push(...findings);
  }

  private add(finding: Finding): void {
    this.all.push(finding);
  }
}

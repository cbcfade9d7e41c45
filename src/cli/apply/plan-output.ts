import type { MappingConfig } from '../../config/schema.js';
import type { PlannedStart } from '../../daemon/offline-plan.js';
import type { StartOutlook } from '../../daemon/start-outlook.js';
import type { MappingContext } from '../../sync/context.js';
import { decidedOn } from '../../sync/decided-on.js';
import type { PlannedStep } from '../../sync/plan.js';
import { SealedWriter } from '../sealed-writer.js';
import type { Terminal } from '../terminal.js';
import { planHeader, planLine, settingsDigest } from './plan-file.js';

const LINES_TOGETHER = 1_000;

/** Writes a plan to a file while it is made. */
export class PlanOutput {
  private readonly lines: object[] = [];
  private last: Promise<void> = Promise.resolve();

  private constructor(private readonly writer: SealedWriter) {}

  /** @throws CommandError when the file can't be made */
  static async create(file: string, terminal: Terminal): Promise<PlanOutput> {
    return new PlanOutput(await SealedWriter.begin(file, terminal));
  }

  async begin(context: MappingContext, outlook: StartOutlook, mapping: MappingConfig): Promise<void> {
    await this.writer.header(planHeader(context, outlook, settingsDigest(mapping)));
  }

  /** Takes the steps that are writes. */
  add({ action, examined }: PlannedStep): void {
    const isWrite =
      action === 'create' || action === 'update' || action === 'delete' || action === 'conflict';
    const decided = isWrite ? decidedOn(examined) : undefined;
    if (decided === undefined) return;
    this.lines.push(planLine(decided));
    if (this.lines.length >= LINES_TOGETHER) this.flush();
  }

  async end({ guards }: PlannedStart, { holds }: StartOutlook): Promise<void> {
    const standing = holds.filter(({ stopsAll }) => !stopsAll);
    this.lines.push({ guards: [...guards, ...standing].map(({ reason, detail }) => ({ reason, detail })) });
    this.flush();
    await this.last;
    await this.writer.end();
  }

  async abandon(): Promise<void> {
    await this.last.catch(() => undefined);
    await this.writer.abandon();
  }

  private flush(): void {
    const lines = this.lines.splice(0);
    this.last = this.last.then(() => this.writer.add(lines));
    // Whoever ends it hears of a failure.
    this.last.catch(() => undefined);
  }
}

import { readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Pair } from '../core/pair.js';
import type { ObservedState } from '../ports/observed.js';

const FORMAT = 1;

const pair = z.strictObject({ left: z.number(), right: z.number() });
const counts = { create: pair, update: pair, delete: pair, conflict: pair, undecided: z.number() };
const version = z
  .string()
  .regex(/^-?\d+$/)
  .transform(BigInt);

const content = z.strictObject({
  format: z.literal(FORMAT),
  places: z.strictObject({ left: z.string(), right: z.string() }),
  sinceMs: z.number(),
  totals: z.strictObject(counts),
  days: z.array(z.strictObject({ ...counts, day: z.string() })),
  latest: z.array(
    z.strictObject({
      atMs: z.number(),
      action: z.enum(['create', 'update', 'delete', 'conflict']),
      on: z.enum(['left', 'right']).optional(),
      key: z.string(),
    }),
  ),
  upTo: z.strictObject({ left: version, right: version }),
});

/**
 * What a mapping would have written while it only observed: numbers for people, on which nothing is decided. They lie beside
 * the archive's data, in a file of their own: losing them costs no more than them.
 */
export class ObservedFile {
  private readonly path: string;

  /**
   * @param archivePath the archive's directory
   * @param mapping its name
   * @param places what it maps; of other places, a file says nothing
   */
  constructor(
    archivePath: string,
    mapping: string,
    private readonly places: Pair<string>,
  ) {
    this.path = join(archivePath, 'data', `observed-${mapping}.json`);
  }

  /** Undefined where there is none that can be used. */
  read(): ObservedState | undefined {
    try {
      const { format: _, places, ...state } = content.parse(JSON.parse(readFileSync(this.path, 'utf8')));
      const { left, right } = this.places;
      if (places.left !== left || places.right !== right) return undefined;
      return { ...state, latest: state.latest.map((one) => ({ ...one, on: one.on })) };
    } catch {
      return undefined;
    }
  }

  /** Puts it in the place of what was there, as a whole. @throws Error of the file system */
  async write({ upTo, ...state }: ObservedState): Promise<void> {
    const versions = { left: String(upTo.left), right: String(upTo.right) };
    const text = JSON.stringify({ format: FORMAT, places: this.places, ...state, upTo: versions });
    const made = `${this.path}.new`;
    await rm(made, { force: true });
    await writeFile(made, `${text}\n`, { mode: 0o600, flag: 'wx' });
    await rename(made, this.path);
  }
}

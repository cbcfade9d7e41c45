import { createHash } from 'node:crypto';
import type { EntryKey } from '../core/observation.js';
import type { EntryMark, MappingArchive } from '../ports/archive.js';

/** A deletion or an overwrite that a guard holds back and nobody has approved. */
export type HeldMark = Extract<EntryMark, { kind: 'held-deletion' | 'held-overwrite' }>;

const MARKS_PAGE = 1_000;

/** All that is held back, in the order of keys: page by page, some of them empty, so that others get their turn. */
export function* heldBack(archive: MappingArchive): Generator<ReadonlyArray<readonly [EntryKey, HeldMark]>> {
  let last: EntryKey | undefined;
  for (;;) {
    const page = archive.marksAfter(last, MARKS_PAGE);
    last = page.at(-1)?.[0];
    if (last === undefined) return;
    yield page.filter((entry): entry is readonly [EntryKey, HeldMark] => isHeldBack(entry[1]));
  }
}

/** Tells one set of what is held back from another, so that what is approved is what was looked at. */
export class HeldDigest {
  readonly #hash = createHash('sha256');

  add(held: ReadonlyArray<readonly [EntryKey, HeldMark]>): void {
    for (const [key, { kind, on }] of held) this.#hash.update(`${JSON.stringify([key, kind, on])}\n`);
  }

  get text(): string {
    return this.#hash.copy().digest('base64url');
  }
}

function isHeldBack(mark: EntryMark): mark is HeldMark {
  return (mark.kind === 'held-deletion' || mark.kind === 'held-overwrite') && !mark.approved;
}

import type { State } from './classify.js';

/**
 * What a combination of states calls for. Named after the side whose content stands:
 * `left` and `right` write that side's content to the other one.
 */
export type Verdict =
  /** Nothing may be concluded. */
  | 'wait'
  /** In step, and the archive says so. */
  | 'none'
  /** In step at versions that the archive doesn't have yet. */
  | 'adopt'
  | 'left'
  | 'right'
  /** In step if the contents are equal, else a conflict. */
  | 'compare'
  /** In step if the contents are equal, else the rule for entries that were never agreed on. */
  | 'initial'
  /** Gone on one side, unchanged on the other. */
  | 'remove-left'
  | 'remove-right'
  /** Gone on one side, changed on the other. */
  | 'update-delete'
  /** The left (right) side became structure; the other side's empty copy may be the daemon's own. */
  | 'fold-left'
  | 'fold-right'
  /** Structure on the left (right), nothing on the other. */
  | 'note-left'
  | 'note-right'
  | 'forget';

type Table = Readonly<Record<State, Readonly<Record<State, Verdict>>>>;

/** Whatever the other side is. */
const NOTHING_KNOWN: Table[State] = {
  clean: 'wait',
  moved: 'wait',
  dirty: 'wait',
  structure: 'wait',
  absent: 'wait',
  unknown: 'wait',
};

/** Rows: the left side's state; columns: the right side's. For entries that were agreed on before. */
export const AGREED: Table = {
  clean: {
    clean: 'none',
    moved: 'adopt',
    dirty: 'right',
    structure: 'fold-right',
    absent: 'remove-left',
    unknown: 'wait',
  },
  moved: {
    clean: 'adopt',
    moved: 'adopt',
    dirty: 'compare',
    structure: 'adopt',
    absent: 'update-delete',
    unknown: 'wait',
  },
  dirty: {
    clean: 'left',
    moved: 'compare',
    dirty: 'compare',
    structure: 'left',
    absent: 'update-delete',
    unknown: 'wait',
  },
  structure: {
    clean: 'fold-left',
    moved: 'adopt',
    dirty: 'right',
    structure: 'none',
    absent: 'note-left',
    unknown: 'wait',
  },
  absent: {
    clean: 'remove-right',
    moved: 'update-delete',
    dirty: 'update-delete',
    structure: 'note-right',
    absent: 'forget',
    unknown: 'wait',
  },
  unknown: NOTHING_KNOWN,
};

/**
 * For entries that were never agreed on: nothing is ever deleted here. `clean` and `moved` can't occur (there is
 * nothing to be clean against) and wait for another look.
 */
export const NEVER_AGREED: Table = {
  clean: NOTHING_KNOWN,
  moved: NOTHING_KNOWN,
  dirty: {
    clean: 'wait',
    moved: 'wait',
    dirty: 'initial',
    structure: 'left',
    absent: 'left',
    unknown: 'wait',
  },
  structure: {
    clean: 'wait',
    moved: 'wait',
    dirty: 'right',
    structure: 'none',
    absent: 'note-left',
    unknown: 'wait',
  },
  absent: {
    clean: 'wait',
    moved: 'wait',
    dirty: 'right',
    structure: 'note-right',
    absent: 'forget',
    unknown: 'wait',
  },
  unknown: NOTHING_KNOWN,
};

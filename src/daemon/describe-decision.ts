import type { Decision } from '../core/decision.js';
import { otherSide } from '../core/pair.js';
import { SIDE_NAMES } from './mapping-context.js';

/** A decision as a sentence for a person. */
export function describeDecision(decision: Decision): string {
  switch (decision.do) {
    case 'wait':
      return 'nothing can be concluded now: one side is unknown';
    case 'nothing':
      return 'both sides are as they were agreed on';
    case 'record':
      return decision.record === undefined
        ? 'gone on both sides: forget it'
        : 'both sides agree: record their versions';
    case 'copy': {
      const on = SIDE_NAMES[decision.on];
      const from = SIDE_NAMES[otherSide(decision.on)];
      const verb = decision.base === undefined ? 'create' : 'update';
      if (decision.ordered !== undefined) return `${verb} in ${on} what an operator has ordered`;
      const why = decision.conflict === undefined ? '' : `; decides a conflict by ${decision.conflict.rule}`;
      return `${verb} in ${on} what ${from} has${why}`;
    }
    case 'remove':
      return `delete in ${SIDE_NAMES[decision.on]}: ${REMOVE_CAUSES[decision.cause]}`;
    case 'hold':
      return `held: ${decision.reason}`;
    case 'skip':
      return `left out: ${decision.detail}`;
    case 'drift':
      return `drifted: ${decision.drift} on the target of a one-way mapping, which is left alone`;
  }
}

const REMOVE_CAUSES = {
  deleted: 'it was deleted on the other side, and is unchanged here',
  'session-ended': 'the session that owned it on the other side has ended',
  retracted: 'it was a copy of what turned out to be structure',
  pruned: 'it was made as a parent, and has no children left',
} as const;

import type { Actions } from './actions.js';
import type { Conflict, ConflictSummary, Mapping, ReplicaName } from './answers.js';
import { STORE_NAMES } from './answers.js';
import { diffView } from './diff-view.js';
import { ago, bytes, count, localTime, shownKey, shownText } from './format.js';
import { actionButton, askedView, sectionView, whyNot } from './parts.js';
import type { PageState } from './state.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

/** The newest entries of the conflict journal, each to be opened. */
export function conflictsView(mapping: Mapping, state: PageState, actions: Actions): ComponentChild {
  const { total } = mapping.conflicts;
  return sectionView(
    'Last conflicts',
    'conflicts',
    askedView(state.details.conflicts, (conflicts) =>
      conflicts.length === 0
        ? h('p', { class: 'quiet' }, 'None in the journal.')
        : conflicts.map((conflict) => conflictView(conflict, mapping, state, actions)),
    ),
    total > (state.details.conflicts.answer?.length ?? total) &&
      h('p', { class: 'quiet' }, `The journal has ${count(total)}: zk-consul-sync conflicts list shows all.`),
  );
}

function conflictView(
  conflict: ConflictSummary,
  mapping: Mapping,
  state: PageState,
  actions: Actions,
): ComponentChild {
  const { id, at, key, open, winner, rule, ambiguous } = conflict;
  const outcome = winner === null ? 'undecided' : `${STORE_NAMES[winner]} won by ${shownText(rule)}`;
  return h(
    'details',
    {
      key: id,
      onToggle: (event: Event) => {
        const isOpen = (event.target as HTMLDetailsElement).open;
        if (isOpen && state.access.trusted) void actions.openConflict(mapping, id);
      },
    },
    h(
      'summary',
      {},
      h('code', { class: 'key' }, shownKey(key)),
      open && h('span', { class: 'chip bad' }, 'open'),
      ambiguous &&
        h('span', { class: 'chip warn', title: 'Both writes may have been the later one' }, 'ambiguous'),
      h('span', { class: 'quiet' }, ` ${outcome}`),
      at !== null && h('time', { class: 'quiet', dateTime: at, title: localTime(at) }, ago(at, state.nowMs)),
    ),
    openedView(conflict, mapping, state, actions),
  );
}

function openedView(
  { id }: ConflictSummary,
  mapping: Mapping,
  state: PageState,
  actions: Actions,
): ComponentChild {
  const why = whyNot(state.access);
  if (why !== undefined) return h('p', { class: 'quiet' }, why);
  const opened = state.details.opened.get(id) ?? {};
  return h(
    'div',
    { class: 'conflict' },
    askedView(opened, (conflict) => [
      h('div', { class: 'sides' }, sideView('zookeeper', conflict), sideView('consul', conflict)),
      diffView(conflict),
      keepButtons(conflict, mapping, state, actions),
    ]),
  );
}

function sideView(name: ReplicaName, conflict: Conflict): ComponentChild {
  const { value, version, written } = conflict[name];
  const isWinner = conflict.winner === name;
  const from = written.earliest === null ? '' : `${localTime(written.earliest)} – `;
  return h(
    'div',
    {},
    h('h4', {}, STORE_NAMES[name], isWinner && h('span', { class: 'chip good' }, 'stands')),
    h(
      'p',
      { class: 'quiet' },
      value === null ? 'deleted' : bytes(value.bytes),
      version !== null && ` · version ${version.modified}`,
      written.latest !== null && ` · written ${from}${localTime(written.latest)}`,
    ),
  );
}

/** The loser can be brought back; of an open conflict, either side be chosen. */
function keepButtons(
  conflict: Conflict,
  mapping: Mapping,
  state: PageState,
  actions: Actions,
): ComponentChild {
  const sides = (['zookeeper', 'consul'] as const).filter((name) => conflict.winner !== name);
  const isStandby = mapping.role === 'standby';
  return h(
    'div',
    { class: 'actions', role: 'group', 'aria-label': 'Decide the conflict' },
    sides.map((name) =>
      actionButton(
        conflict.winner === null
          ? `Keep ${STORE_NAMES[name]}`
          : `Keep the value of ${STORE_NAMES[name]} instead`,
        state.access,
        () => actions.keep(mapping, conflict, name),
        { isStandby },
      ),
    ),
  );
}

import type { Change } from './answers.js';
import { STORE_NAMES } from './answers.js';
import { ago, localTime, shownKey } from './format.js';
import { askedView, sectionView, whyNot } from './parts.js';
import type { PageState } from './state.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

const CAUSES: Readonly<Record<Change['cause'], string>> = {
  change: 'changed there',
  conflict: 'won a conflict',
  operator: 'an operator chose it',
  deleted: 'deleted there',
  'session-ended': 'its session ended',
  retracted: 'was no entry after all',
  pruned: 'parent without children',
};

const COLUMNS = ['When', 'Key', 'Operation', 'From → to', 'Why', 'Result'];

/** The last writes with their origin. */
export function changesView(state: PageState): ComponentChild {
  const why = whyNot(state.access);
  return sectionView(
    'Last changes',
    'changes',
    why === undefined
      ? askedView(state.details.changes, (changes) => tableView(changes, state.nowMs))
      : h('p', { class: 'quiet' }, why),
  );
}

function tableView(changes: readonly Change[], nowMs: number): ComponentChild {
  if (changes.length === 0)
    return h('p', { class: 'quiet' }, 'Nothing was written since the daemon started.');
  return h(
    'div',
    { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Table of the last changes' },
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          COLUMNS.map((column) => h('th', { scope: 'col' }, column)),
        ),
      ),
      h(
        'tbody',
        {},
        changes.map((change) => rowView(change, nowMs)),
      ),
    ),
  );
}

function rowView(
  { at, key, operation, from, to, cause, sourceVersion, result }: Change,
  nowMs: number,
): ComponentChild {
  return h(
    'tr',
    {},
    h('td', {}, at !== null && h('time', { dateTime: at, title: localTime(at) }, ago(at, nowMs))),
    h('td', { class: 'key' }, shownKey(key)),
    h('td', {}, operation),
    h('td', {}, `${STORE_NAMES[from]} → ${STORE_NAMES[to]}`),
    h('td', { title: sourceVersion === null ? undefined : `version ${sourceVersion}` }, CAUSES[cause]),
    h('td', { class: result === 'applied' ? '' : 'error-text' }, result),
  );
}

import type { Actions } from './actions.js';
import type { Mapping } from './answers.js';
import { count, counted } from './format.js';
import type { PageState } from './state.js';
import { shownMapping } from './state.js';
import { stateChip } from './state-chip.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

const FILTER_FROM = 8;

/** All mappings, what needs somebody first. */
export function mappingListView(state: PageState, actions: Actions): ComponentChild {
  const mappings = state.status?.mappings ?? [];
  const wanted = state.filter.toLowerCase();
  const found = mappings.filter(({ name }) => name.toLowerCase().includes(wanted)).toSorted(byNeed);
  const shown = shownMapping(state);
  return h(
    'nav',
    { class: 'mappings', 'aria-label': 'Mappings' },
    h('h2', {}, 'Mappings'),
    h('p', { class: 'quiet' }, summaryOf(mappings)),
    mappings.length >= FILTER_FROM &&
      h('input', {
        type: 'search',
        'aria-label': 'Filter mappings by name',
        placeholder: 'Filter by name',
        value: state.filter,
        onInput: (event: Event) => actions.filter((event.target as HTMLInputElement).value),
      }),
    h(
      'ul',
      {},
      found.map((mapping) => h('li', { key: mapping.name }, itemView(mapping, mapping.name === shown?.name))),
    ),
    found.length === 0 && h('p', { class: 'quiet' }, 'No mapping has such a name.'),
  );
}

function itemView(mapping: Mapping, isShown: boolean): ComponentChild {
  const { name, entries, pending, holds, conflicts } = mapping;
  const waiting = pending.toZookeeper + pending.toConsul;
  const facts = [
    counted(entries, 'entry', 'entries'),
    ...(waiting > 0 ? [`${count(waiting)} pending`] : []),
    ...(holds.length > 0 ? [counted(holds.length, 'hold')] : []),
    ...(conflicts.open > 0 ? [counted(conflicts.open, 'open conflict')] : []),
  ];
  return h(
    'a',
    { href: `#mapping=${encodeURIComponent(name)}`, 'aria-current': isShown ? 'page' : undefined },
    h('span', { class: 'name' }, name),
    stateChip(mapping),
    h('span', { class: 'quiet facts' }, facts.join(' · ')),
  );
}

const NEED = ['held', 'degraded', 'starting', 'paused', 'live'];

function byNeed(a: Mapping, b: Mapping): number {
  const need = (mapping: Mapping) =>
    mapping.holds.length > 0 ? -1 : NEED.indexOf(mapping.state) + (mapping.inSync ? 0.5 : 0);
  return need(a) - need(b) || a.name.localeCompare(b.name);
}

/** One line about all mappings. */
function summaryOf(mappings: readonly Mapping[]): string {
  const inSync = mappings.filter((mapping) => mapping.inSync).length;
  const held = mappings.filter(({ holds }) => holds.length > 0).length;
  return `${inSync} of ${counted(mappings.length, 'mapping')} in sync${held > 0 ? `, ${held} with holds` : ''}`;
}

import type { Actions } from './actions.js';
import type { Explanation, Mapping } from './answers.js';
import { shownKey, shownText } from './format.js';
import { askedView, sectionView, whyNot } from './parts.js';
import type { PageState } from './state.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

/** A search for one entry: why it is as it is. */
export function explainView(mapping: Mapping, state: PageState, actions: Actions): ComponentChild {
  const why = whyNot(state.access);
  const { explanation } = state.details;
  return sectionView(
    'Explain a key',
    'explain',
    why !== undefined && h('p', { class: 'quiet' }, why),
    h(
      'form',
      {
        role: 'search',
        class: 'search',
        onSubmit: (event: Event) => {
          event.preventDefault();
          const key = new FormData(event.target as HTMLFormElement).get('key');
          if (why === undefined && typeof key === 'string') void actions.explain(mapping, key);
        },
      },
      h('input', {
        name: 'key',
        'aria-label': 'Key, relative to the mapping',
        placeholder: 'key, such as db/host',
        autocomplete: 'off',
        autocapitalize: 'off',
        spellcheck: false,
        disabled: why !== undefined,
      }),
      h('button', { type: 'submit', disabled: why !== undefined }, 'Explain'),
    ),
    h('div', { 'aria-live': 'polite' }, explanation !== undefined && askedView(explanation, explanationView)),
  );
}

function explanationView({
  key,
  decision,
  why,
  zookeeper,
  consul,
  archive,
  mark,
}: Explanation): ComponentChild {
  return h(
    'div',
    { class: 'explanation' },
    h('p', {}, h('code', { class: 'key' }, shownKey(key))),
    h('p', {}, h('strong', {}, shownText(decision)), ': ', shownText(why)),
    factsOf('ZooKeeper', zookeeper),
    factsOf('Consul', consul),
    factsOf('Archive', archive ?? { record: 'none' }),
    mark !== null && factsOf('Mark', mark),
  );
}

function factsOf(title: string, facts: Readonly<Record<string, unknown>>): ComponentChild {
  return h(
    'div',
    { class: 'reading' },
    h('h4', {}, title),
    h(
      'dl',
      {},
      Object.entries(facts).flatMap(([name, value]) => [
        h('dt', {}, shownText(name)),
        h('dd', {}, shownText(typeof value === 'string' ? value : JSON.stringify(value))),
      ]),
    ),
  );
}

import { holdAdvice } from '../hold-advice.js';
import type { Actions } from './actions.js';
import type { Hold, Mapping, ReplicaName } from './answers.js';
import { STORE_NAMES } from './answers.js';
import { ago, count, localTime, shownKey, shownText } from './format.js';
import { actionButton, sectionView } from './parts.js';
import type { PageState } from './state.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

/** How many are drawn at once; the others follow as these are dealt with. */
const SHOWN_MAX = 20;

/** What waits for a person, and what that person can do. */
export function holdsView(mapping: Mapping, state: PageState, actions: Actions): ComponentChild | false {
  const { holds } = mapping;
  if (holds.length === 0) return false;
  const more = holds.length - SHOWN_MAX;
  return sectionView(
    `On hold: ${count(holds.length)}`,
    'holds',
    h(
      'ul',
      {},
      holds
        .slice(0, SHOWN_MAX)
        .map((hold) =>
          h('li', { key: `${hold.reason} ${hold.key ?? ''}` }, holdView(hold, mapping, state, actions)),
        ),
    ),
    more > 0 && h('p', { class: 'quiet' }, `${count(more)} more, shown as these are dealt with.`),
  );
}

function holdView(hold: Hold, mapping: Mapping, state: PageState, actions: Actions): ComponentChild {
  const { reason, key, since, detail } = hold;
  const advice = holdAdvice(reason);
  return h(
    'div',
    { class: 'hold' },
    h(
      'p',
      { class: 'hold-title' },
      h('strong', {}, shownText(reason)),
      key === null ? ' the whole mapping' : h('code', { class: 'key' }, shownKey(key)),
      since !== null &&
        h('time', { class: 'quiet', dateTime: since, title: localTime(since) }, ago(since, state.nowMs)),
    ),
    detail !== '' && h('p', {}, shownText(detail)),
    advice !== undefined && h('p', { class: 'advice' }, h('b', {}, 'What to do: '), advice.first),
    h(
      'div',
      { class: 'actions', role: 'group', 'aria-label': `Decide about ${reason}` },
      requestButtons(hold, mapping, state, actions),
    ),
  );
}

function requestButtons(hold: Hold, mapping: Mapping, state: PageState, actions: Actions): ComponentChild[] {
  const isStandby = mapping.role === 'standby';
  const button = (label: string, act: () => void, tone = '') =>
    actionButton(label, state.access, act, { isStandby, tone });
  const wanted = new Set(holdAdvice(hold.reason)?.commands.map(({ command }) => command));
  const { key } = hold;
  return [
    ...(wanted.has('approve') ? [button('Let these pass …', () => actions.approve(mapping), 'danger')] : []),
    ...(wanted.has('resync') ? [button('Start over …', () => actions.resync(mapping), 'danger')] : []),
    ...(wanted.has('release') && key !== null
      ? (['zookeeper', 'consul'] as const).map((keep: ReplicaName) =>
          button(`Keep ${STORE_NAMES[keep]}`, () => actions.release(mapping, key, keep)),
        )
      : []),
  ];
}

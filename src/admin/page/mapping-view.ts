import type { Actions } from './actions.js';
import { activityView } from './activity-view.js';
import type { Mapping } from './answers.js';
import { changesView } from './changes-view.js';
import { conflictsView } from './conflicts-view.js';
import { explainView } from './explain-view.js';
import { ago, count, localTime, shownKey, shownText } from './format.js';
import { holdsView } from './holds-view.js';
import { actionButton, sectionView } from './parts.js';
import type { PageState } from './state.js';
import { stateChip } from './state-chip.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

/** One mapping in full. */
export function mappingView(mapping: Mapping, state: PageState, actions: Actions): ComponentChild {
  return h(
    'article',
    { class: 'mapping', key: mapping.name, 'aria-labelledby': 'mapping-title' },
    titleView(mapping, state, actions),
    factsView(mapping, state.nowMs),
    holdsView(mapping, state, actions),
    activityView(state.details.history),
    h('div', { class: 'columns' }, explainView(mapping, state, actions), leftOutView(mapping)),
    conflictsView(mapping, state, actions),
    changesView(state),
  );
}

function titleView(mapping: Mapping, state: PageState, actions: Actions): ComponentChild {
  const { name, state: mappingState, role } = mapping;
  const isStandby = role === 'standby';
  const button = (label: string, act: () => void) => actionButton(label, state.access, act, { isStandby });
  return h(
    'div',
    { class: 'title' },
    (state.status?.mappings.length ?? 0) > 1 && h('a', { class: 'back', href: '#' }, '← All mappings'),
    h('div', { class: 'title-line' }, h('h2', { id: 'mapping-title' }, name), stateChip(mapping)),
    h('p', { class: 'headline' }, headlineOf(mapping, state.nowMs)),
    leaderView(mapping),
    h(
      'div',
      { class: 'actions', role: 'group', 'aria-label': 'Actions' },
      mappingState === 'paused'
        ? button('Resume', () => actions.resume(mapping))
        : button('Pause', () => actions.pause(mapping)),
      button('Resync …', () => actions.resync(mapping)),
    ),
  );
}

/** Holds of a mapping that hold back only what they list. */
const PARTIAL_HOLDS: ReadonlySet<string> = new Set(['mass-deletion', 'mass-conflict']);

function headlineOf(mapping: Mapping, nowMs: number): string {
  const { inSync, inSyncSince, problem, state, pending, holds } = mapping;
  if (problem !== null) return shownText(problem);
  if (state === 'paused') return 'Paused: nothing is written until somebody resumes it.';
  if (holds.some(({ key, reason }) => key === null && !PARTIAL_HOLDS.has(reason))) {
    return 'Nothing is written until you decide below; it goes on looking.';
  }
  if (holds.length > 0) return 'It goes on, but some of it waits for your decision below.';
  if (state === 'starting') return 'Comparing both sides for the first time.';
  if (inSync && inSyncSince !== null) {
    return `Both sides are equal, since ${localTime(inSyncSince)} (${ago(inSyncSince, nowMs)}).`;
  }
  const waiting = pending.toZookeeper + pending.toConsul;
  return waiting > 0
    ? `${count(waiting)} entries are about to be written.`
    : 'Not known to be equal just now.';
}

/** The one to ask, where several daemons share the work. */
function leaderView({ role, leader }: Mapping): ComponentChild | false {
  if (role !== 'standby') return false;
  if (leader === null) return h('p', { class: 'notice' }, 'A standby. No daemon is known to lead just now.');
  const { host, admin } = leader;
  const isLink = admin !== null && /^https?:\/\//.test(admin);
  return h(
    'p',
    { class: 'notice' },
    `A standby: ${shownText(host)} leads this mapping. `,
    isLink && h('a', { href: admin, rel: 'noreferrer' }, 'Go to its page'),
  );
}

/** A mapping on its way to Consul is no longer as it is configured. */
const CUTOVER_LABELS = {
  'consul-leads': 'Consul leads',
  'zookeeper-mirror': 'ZooKeeper is a mirror',
} as const;

function factsView(mapping: Mapping, nowMs: number): ComponentChild {
  const { entries, pending, conflicts, skippedTotal, driftedTotal, lastVerifiedAt, cutover } = mapping;
  const fact = (label: string, value: string, note = '', tone = '') =>
    h(
      'div',
      { class: `fact ${tone}` },
      h('dt', {}, label),
      h('dd', {}, h('strong', {}, value), note !== '' && h('span', { class: 'quiet' }, note)),
    );
  const toneOf = (value: number) => (value > 0 ? 'attention' : '');
  return h(
    'dl',
    { class: 'facts-row' },
    fact('Entries', count(entries), 'equal on both sides'),
    fact('Pending → Consul', count(pending.toConsul)),
    fact('Pending → ZooKeeper', count(pending.toZookeeper)),
    fact(
      'Open conflicts',
      count(conflicts.open),
      `${count(conflicts.total)} in the journal`,
      toneOf(conflicts.open),
    ),
    fact('Skipped', count(skippedTotal), '', toneOf(skippedTotal)),
    driftedTotal > 0 && fact('Drifted', count(driftedTotal), 'left alone', 'attention'),
    cutover.step !== null &&
      cutover.since !== null &&
      cutover.step !== 'both' &&
      fact('Cutover', CUTOVER_LABELS[cutover.step], `since ${localTime(cutover.since)}`),
    fact('Last verified', lastVerifiedAt === null ? 'never' : ago(lastVerifiedAt, nowMs)),
  );
}

function leftOutView(mapping: Mapping): ComponentChild {
  const { skipped, skippedTotal, drifted, driftedTotal } = mapping;
  const rows = [
    ...skipped.map(({ key, reason }) => ({ key, why: reason })),
    ...drifted.map(({ key, change }) => ({ key, why: `drifted: ${change}` })),
  ];
  const total = skippedTotal + driftedTotal;
  return sectionView(
    'Left out',
    'skipped',
    rows.length === 0
      ? h('p', { class: 'quiet' }, 'Nothing: every entry takes part.')
      : h(
          'div',
          { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Entries that are left out' },
          h(
            'table',
            {},
            h(
              'thead',
              {},
              h('tr', {}, h('th', { scope: 'col' }, 'Key'), h('th', { scope: 'col' }, 'Reason')),
            ),
            h(
              'tbody',
              {},
              rows.map(({ key, why }) =>
                h(
                  'tr',
                  { key: `${why} ${key}` },
                  h('td', { class: 'key' }, shownKey(key)),
                  h('td', {}, shownText(why)),
                ),
              ),
            ),
          ),
        ),
    total > rows.length && h('p', { class: 'quiet' }, `${count(total - rows.length)} more are not listed.`),
  );
}

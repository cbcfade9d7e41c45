import type { Actions } from './actions.js';
import type { Mapping, ReplicaName, Store as StoreAnswer } from './answers.js';
import { STORE_NAMES } from './answers.js';
import { savedToken } from './api.js';
import { canaryView } from './canary-view.js';
import { dialogView } from './dialog-view.js';
import { duration, shownText } from './format.js';
import { mappingListView } from './mapping-list-view.js';
import { mappingView } from './mapping-view.js';
import type { PageState } from './state.js';
import { shownMapping } from './state.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

/** The whole page, drawn from its state. */
export function pageView(state: PageState, actions: Actions): ComponentChild {
  const { status } = state;
  const isLost = state.connection === 'lost';
  return h(
    'div',
    { class: `page${isLost ? ' stale' : ''}` },
    h('a', { class: 'skip-link', href: '#main', onClick: focusMain }, 'Skip to the mappings'),
    headerView(state, actions),
    noticesView(state, actions),
    status === undefined
      ? h(
          'main',
          { id: 'main', tabIndex: -1 },
          h('p', { class: 'waiting' }, 'Asking the daemon for its status …'),
        )
      : bodyView(state, status.mappings, actions),
    h(
      'p',
      { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' },
      shownText(state.announcement),
    ),
    dialogView(state, actions),
  );
}

/** The hash of the address names the mapping, and is not to be changed by the link. */
function focusMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function bodyView(state: PageState, mappings: readonly Mapping[], actions: Actions): ComponentChild {
  const shown = shownMapping(state);
  const hasList = mappings.length > 1;
  return h(
    'div',
    { class: `body${hasList ? ' with-list' : ''}${shown === undefined ? ' list-only' : ''}` },
    hasList && mappingListView(state, actions),
    h(
      'main',
      { id: 'main', tabIndex: -1 },
      shown !== undefined && mappingView(shown, state, actions),
      shown === undefined && hasList && h('p', { class: 'empty' }, 'Choose a mapping to see more of it.'),
      mappings.length === 0 && emptyView(),
    ),
  );
}

function emptyView(): ComponentChild {
  return h(
    'div',
    { class: 'empty' },
    h('h2', {}, 'No mappings'),
    h(
      'p',
      {},
      'This daemon keeps nothing equal yet. Add one to ',
      h('code', {}, 'mappings'),
      ' in its configuration and reload it.',
    ),
  );
}

function headerView(state: PageState, actions: Actions): ComponentChild {
  const { status } = state;
  return h(
    'header',
    { class: 'top' },
    h(
      'div',
      { class: 'brand' },
      h('img', { src: 'ui/admin/page/icon.svg', alt: '', width: 32, height: 32 }),
      h(
        'div',
        {},
        h('h1', {}, 'zk-consul-sync'),
        status !== undefined &&
          h(
            'p',
            { class: 'quiet' },
            `instance ${shownText(status.instance)} · ${status.version} · ${status.role} · up ${duration(status.uptimeSeconds)}`,
          ),
      ),
    ),
    status !== undefined &&
      h(
        'ul',
        { class: 'stores', 'aria-label': 'Stores' },
        storeView('zookeeper', status.replicas.zookeeper),
        storeView('consul', status.replicas.consul),
        status.canary !== null && canaryView(status.canary, state.nowMs),
      ),
    h('div', { class: 'session' }, connectionView(state), accessView(state, actions)),
  );
}

function storeView(
  name: ReplicaName,
  { connected, address, server, lastError }: StoreAnswer,
): ComponentChild {
  return h(
    'li',
    { class: `store ${connected ? 'good' : 'bad'}` },
    h('span', { class: 'dot', 'aria-hidden': 'true' }),
    h(
      'div',
      {},
      h('strong', {}, `${STORE_NAMES[name]}${server === null ? '' : ` ${shownText(server)}`}`),
      h('span', { class: 'quiet' }, connected ? ' connected' : ' not connected'),
      h('div', { class: 'address' }, shownText(address)),
      !connected && lastError !== null && h('div', { class: 'error-text' }, shownText(lastError)),
    ),
  );
}

function connectionView({ connection }: PageState): ComponentChild {
  const texts = { connecting: 'Connecting …', live: 'Live', lost: 'Reconnecting …' };
  return h(
    'span',
    { class: `live ${connection}` },
    h('span', { class: 'dot', 'aria-hidden': 'true' }),
    texts[connection],
  );
}

/** Says that the page is read-only, and offers what ends that. */
function accessView({ access, connection }: PageState, actions: Actions): ComponentChild | false {
  if (savedToken() !== undefined) {
    return h('button', { class: 'small', onClick: () => actions.useToken(undefined) }, 'Forget token');
  }
  if (access.trusted || connection !== 'live' || access.code === undefined) return false;
  return h(
    'span',
    { class: 'read-only' },
    h('span', { class: 'chip neutral', title: access.error }, 'Read-only'),
    access.code === 'TOKEN_MISSING' &&
      h('button', { class: 'small', onClick: () => actions.askForToken() }, 'Enter token'),
  );
}

function noticesView(state: PageState, actions: Actions): ComponentChild {
  const { notice, connection, lost, access, status } = state;
  const since = status === undefined ? '' : ' What stands below is as it was last told.';
  const cannotAct = connection === 'live' && !access.trusted && access.code === 'TOKEN_NOT_SET';
  return h(
    'div',
    { class: 'notices' },
    connection === 'lost' &&
      h(
        'p',
        { class: 'notice bad', role: 'alert' },
        `${shownText(lost?.message ?? '')}${since} Trying again. ${shownText(lost?.hint ?? '')}`,
      ),
    cannotAct && h('p', { class: 'notice' }, `Read-only: ${access.error ?? ''} ${access.hint ?? ''}`),
    notice !== undefined &&
      h(
        'div',
        { class: `notice ${notice.good ? 'good' : 'bad'}`, role: notice.good ? undefined : 'alert' },
        h('p', {}, shownText(notice.text)),
        h('button', { class: 'small', onClick: () => actions.dismissNotice() }, 'Dismiss'),
      ),
  );
}

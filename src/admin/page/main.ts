import { Actions } from './actions.js';
import type { PageAccess, Status } from './answers.js';
import { savedToken, saveToken } from './api.js';
import type { RequestFailed } from './api.js';
import { changesOfState } from './announce.js';
import { followEvents } from './event-stream.js';
import { pageView } from './page-view.js';
import { NO_DETAILS, shownMapping, Store } from './state.js';
import { render } from './vendor/preact.js';

const AGES_EVERY_MS = 1_000;
const HISTORY_EVERY_MS = 10_000;
const CHANGES_EVERY_MS = 5_000;

const store = new Store({
  connection: 'connecting',
  lost: undefined,
  status: undefined,
  access: { trusted: false },
  chosen: chosenMapping(),
  filter: '',
  details: NO_DETAILS,
  dialog: undefined,
  notice: undefined,
  announcement: '',
  nowMs: Date.now(),
});
const actions = new Actions(store, connect);
let connection = new AbortController();

drawOnChange();
askForDetails();
window.addEventListener('hashchange', () => store.update({ chosen: chosenMapping(), details: NO_DETAILS }));
setInterval(() => store.update({ nowMs: Date.now() }), AGES_EVERY_MS);
connect();

function connect(): void {
  connection.abort();
  connection = new AbortController();
  void followEvents('api/v1/events', { onEvent, onLost }, connection.signal);
}

function onEvent(event: string, data: unknown): void {
  if (event === 'access') store.update({ access: data as PageAccess });
  if (event !== 'status') return;
  const status = data as Status;
  const news = changesOfState(store.state.status, status);
  store.update({
    status,
    connection: 'live',
    lost: undefined,
    nowMs: Date.now(),
    ...(news !== '' && { announcement: news }),
  });
}

function onLost(lost: RequestFailed): void {
  if (lost.code === 'TOKEN_WRONG' && savedToken() !== undefined) {
    // Nothing is answered to a wrong token, not even what needs none.
    saveToken(undefined);
    store.update({
      notice: { good: false, text: 'The token was refused: it is not the one that is configured.' },
    });
    connect();
    return;
  }
  const announcement = 'The connection to the daemon was lost.';
  store.update({ connection: 'lost', lost, announcement });
}

/** Once per turn, however often the state changed in it. */
function drawOnChange(): void {
  const root = document.getElementById('page');
  if (root === null) return;
  root.replaceChildren();
  let drawing = false;
  const draw = () => {
    drawing = false;
    document.title = titleOf();
    render(pageView(store.state, actions), root);
  };
  store.subscribe(() => {
    if (!drawing) queueMicrotask(draw);
    drawing = true;
  });
  draw();
}

/** What is wrong shows in the browser's tab. */
function titleOf(): string {
  const { status, connection } = store.state;
  if (status === undefined || connection === 'lost') return 'zk-consul-sync';
  const inTrouble = status.mappings.filter(({ state, holds }) => state !== 'live' || holds.length > 0).length;
  return `${inTrouble > 0 ? `(${inTrouble}) ` : ''}zk-consul-sync ${status.instance}`;
}

function askForDetails(): void {
  const ofShown = (ask: (name: string) => Promise<void>, needsTrust: boolean) => {
    const name = shownMapping(store.state)?.name;
    const { connection, access } = store.state;
    const mayAsk = connection === 'live' && (access.trusted || !needsTrust);
    if (name !== undefined && mayAsk && document.visibilityState === 'visible') void ask(name);
  };
  const history = () => ofShown((name) => actions.loadHistory(name), false);
  const changes = () => ofShown((name) => actions.loadChanges(name), true);
  const conflicts = () => ofShown((name) => actions.loadConflicts(name), false);
  setInterval(history, HISTORY_EVERY_MS);
  setInterval(changes, CHANGES_EVERY_MS);
  store.subscribe((state, before) => {
    const [now, then] = [shownMapping(state), shownMapping(before)];
    const isOther = now?.name !== then?.name || state.access.trusted !== before.access.trusted;
    const { open, total } = now?.conflicts ?? {};
    if (isOther || open !== then?.conflicts.open || total !== then?.conflicts.total) conflicts();
    if (!isOther) return;
    history();
    changes();
  });
}

function chosenMapping(): string | undefined {
  const chosen = new URLSearchParams(location.hash.slice(1)).get('mapping');
  return chosen ?? undefined;
}

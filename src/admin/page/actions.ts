import type {
  Conflict,
  ConflictSummary,
  Explanation,
  History,
  Mapping,
  Plan,
  ReplicaName,
} from './answers.js';
import { STORE_NAMES } from './answers.js';
import type { Change } from './answers.js';
import { get, mappingPath, post, RequestFailed, saveToken } from './api.js';
import { shownKey } from './format.js';
import type { Asked, ConfirmDialog, ResyncFrom, Store } from './state.js';
import { shownMapping } from './state.js';

const CONFLICTS_SHOWN = 20;

type Question = Pick<ConfirmDialog, 'title' | 'explanation' | 'verb' | 'dangerous' | 'request'>;

/** All that a person can do on the page. */
export class Actions {
  constructor(
    private readonly store: Store,
    /** Starts the events anew, with or without a token. */
    private readonly reconnect: () => void,
  ) {}

  choose(name: string | undefined): void {
    location.hash = name === undefined ? '' : `mapping=${encodeURIComponent(name)}`;
  }

  filter(text: string): void {
    this.store.update({ filter: text });
  }

  pause({ name }: Mapping): void {
    this.#confirm(name, {
      title: `Pause ${name}?`,
      explanation: ['No more writes on either side until it is resumed. It goes on looking.'],
      verb: 'Pause',
      dangerous: false,
      request: { path: 'pause', body: {} },
    });
  }

  resume({ name }: Mapping): void {
    this.#confirm(name, {
      title: `Resume ${name}?`,
      explanation: ['It walks both sides again, and writes what differs.'],
      verb: 'Resume',
      dangerous: false,
      request: { path: 'resume', body: {} },
    });
  }

  approve({ name, holds }: Mapping): void {
    const held = holds.filter(({ reason }) => reason === 'mass-deletion' || reason === 'mass-conflict');
    this.#confirm(name, {
      title: `Let what is held back in ${name} pass?`,
      explanation: [
        ...held.map(({ detail }) => detail),
        'Exactly the deletions and overwrites that are held back now will be carried out.',
      ],
      verb: 'Approve',
      dangerous: true,
      request: { path: 'approve', body: {} },
    });
  }

  resync({ name }: Mapping, from: ResyncFrom = 'merge'): void {
    const typed = this.#dialog?.resync === undefined ? '' : this.#dialog.typed;
    this.store.update({
      dialog: {
        kind: 'confirm',
        mapping: name,
        title: `Start ${name} over?`,
        explanation: [
          'The pair gets new ledgers and an empty archive. What differs is decided by your choice:',
        ],
        verb: 'Resync',
        dangerous: true,
        typed,
        request: { path: 'resync', body: { from } },
        progress: undefined,
        failure: undefined,
        resync: { from, preview: {} },
      },
    });
    void this.#preview(name, from);
  }

  release({ name }: Mapping, key: string, keep: ReplicaName): void {
    this.#confirm(name, {
      title: `Keep what ${STORE_NAMES[keep]} has of ${shownKey(key)}?`,
      explanation: ['It is written to the other side. What stands there now goes to the conflict journal.'],
      verb: `Keep ${STORE_NAMES[keep]}`,
      dangerous: false,
      request: { path: 'release', body: { key, keep } },
    });
  }

  keep({ name }: Mapping, { id, key }: Conflict, keep: ReplicaName): void {
    this.#confirm(name, {
      title: `Bring back the value of ${STORE_NAMES[keep]}?`,
      explanation: [
        `${shownKey(key)} gets, on both sides, the value that ${STORE_NAMES[keep]} had in conflict ${id}.`,
      ],
      verb: `Keep ${STORE_NAMES[keep]}`,
      dangerous: false,
      request: { path: `conflicts/${id}/resolve`, body: { keep } },
    });
  }

  type(text: string): void {
    const { dialog } = this.store.state;
    if (dialog !== undefined) this.store.update({ dialog: { ...dialog, typed: text } });
  }

  closeDialog(): void {
    if (this.store.state.dialog !== undefined) this.store.update({ dialog: undefined });
  }

  /** Sends what the open dialog asks about. */
  async carryOut(): Promise<void> {
    const dialog = this.#dialog;
    if (dialog === undefined || dialog.progress === 'sent' || !isConfirmed(dialog)) return;
    this.store.update({ dialog: { ...dialog, progress: 'sent', failure: undefined } });
    const { mapping, request } = dialog;
    try {
      const { message } = await post(mappingPath(mapping, request.path), request.body);
      this.store.update({ dialog: undefined, notice: { good: true, text: message }, announcement: message });
      void this.loadConflicts(mapping);
    } catch (error) {
      const failure = failureOf(error);
      const open = this.#dialog;
      if (open !== undefined) this.store.update({ dialog: { ...open, progress: undefined, failure } });
      else this.store.update({ notice: { good: false, text: `${failure.message} ${failure.hint}` } });
    }
  }

  dismissNotice(): void {
    this.store.update({ notice: undefined });
  }

  askForToken(): void {
    this.store.update({ dialog: { kind: 'token', typed: '' } });
  }

  useToken(token: string | undefined): void {
    saveToken(token === '' ? undefined : token);
    this.store.update({ dialog: undefined });
    this.reconnect();
  }

  async explain({ name }: Mapping, key: string): Promise<void> {
    this.store.updateDetails({ searched: key, explanation: {} });
    const explanation = await asked(get<Explanation>(mappingPath(name, `explain?${query({ key })}`)));
    const { details } = this.store.state;
    if (this.#shows(name) && details.searched === key) this.store.updateDetails({ explanation });
  }

  async openConflict({ name }: Mapping, id: number): Promise<void> {
    const known = this.store.state.details.opened.get(id);
    if (known?.answer !== undefined) return;
    const conflict = await asked(get<Conflict>(mappingPath(name, `conflicts/${id}`)));
    if (!this.#shows(name)) return;
    this.store.updateDetails({ opened: new Map([...this.store.state.details.opened, [id, conflict]]) });
  }

  async loadConflicts(name: string): Promise<void> {
    const path = mappingPath(name, `conflicts?limit=${CONFLICTS_SHOWN}`);
    const list = get<{ conflicts: readonly ConflictSummary[] }>(path).then(({ conflicts }) => conflicts);
    const conflicts = await asked(list);
    if (this.#shows(name)) this.store.updateDetails({ conflicts });
  }

  async loadHistory(name: string): Promise<void> {
    const history = await asked(get<History>(mappingPath(name, 'history')));
    if (this.#shows(name)) this.store.updateDetails({ history });
  }

  async loadChanges(name: string): Promise<void> {
    const list = get<{ changes: readonly Change[] }>(mappingPath(name, 'changes'));
    const changes = await asked(list.then((body) => body.changes));
    if (this.#shows(name)) this.store.updateDetails({ changes });
  }

  get #dialog(): ConfirmDialog | undefined {
    const { dialog } = this.store.state;
    return dialog?.kind === 'confirm' ? dialog : undefined;
  }

  #shows(name: string): boolean {
    return shownMapping(this.store.state)?.name === name;
  }

  #confirm(mapping: string, question: Question): void {
    const fresh = { typed: '', progress: undefined, failure: undefined };
    this.store.update({ dialog: { kind: 'confirm', mapping, ...question, ...fresh } });
  }

  async #preview(name: string, from: ResyncFrom): Promise<void> {
    const preview = await asked(get<Plan>(mappingPath(name, `resync?${query({ from })}`)));
    const dialog = this.#dialog;
    if (dialog?.resync?.from !== from || dialog.mapping !== name) return;
    this.store.update({ dialog: { ...dialog, resync: { from, preview } } });
  }
}

/** Whether the dialog's button may be pressed. */
export function isConfirmed({ dangerous, typed, mapping }: ConfirmDialog): boolean {
  return !dangerous || typed === mapping;
}

function query(parameters: Record<string, string>): string {
  return new URLSearchParams(parameters).toString();
}

async function asked<T>(answer: Promise<T>): Promise<Asked<T>> {
  try {
    return { answer: await answer };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

function failureOf(error: unknown): RequestFailed {
  if (error instanceof RequestFailed) return error;
  return new RequestFailed(0, 'UNKNOWN', String(error), '');
}

import type {
  Change,
  Conflict,
  ConflictSummary,
  Explanation,
  History,
  Mapping,
  PageAccess,
  Plan,
  Status,
} from './answers.js';
import type { RequestFailed } from './api.js';

/** Something that was asked for: its answer, or why there is none. Neither while it is on its way. */
export interface Asked<T> {
  readonly answer?: T;
  readonly failure?: RequestFailed;
}

export interface ConfirmDialog {
  readonly kind: 'confirm';
  readonly title: string;
  readonly mapping: string;
  readonly explanation: readonly string[];
  readonly verb: string;
  /** Can delete or overwrite: the mapping's name has to be typed. */
  readonly dangerous: boolean;
  readonly typed: string;
  /** The path of the request below the mapping, and its body. */
  readonly request: { readonly path: string; readonly body: unknown };
  readonly progress: 'asking' | 'sent' | undefined;
  readonly failure: RequestFailed | undefined;
  /** Of a resync: what it starts over from, and what that would do. */
  readonly resync?: { readonly from: ResyncFrom; readonly preview: Asked<Plan> };
}

export type ResyncFrom = 'zookeeper' | 'consul' | 'merge';

export interface TokenDialog {
  readonly kind: 'token';
  readonly typed: string;
}

/** What is known of the mapping that is shown. */
export interface Details {
  readonly history: Asked<History>;
  readonly changes: Asked<readonly Change[]>;
  readonly conflicts: Asked<readonly ConflictSummary[]>;
  /** Those that were opened, with their values. */
  readonly opened: ReadonlyMap<number, Asked<Conflict>>;
  readonly searched: string;
  readonly explanation: Asked<Explanation> | undefined;
}

export const NO_DETAILS: Details = {
  history: {},
  changes: {},
  conflicts: {},
  opened: new Map(),
  searched: '',
  explanation: undefined,
};

export interface PageState {
  readonly connection: 'connecting' | 'live' | 'lost';
  readonly lost: RequestFailed | undefined;
  readonly status: Status | undefined;
  readonly access: PageAccess;
  /** As chosen; the mapping shown is `shownMapping`. */
  readonly chosen: string | undefined;
  readonly filter: string;
  readonly details: Details;
  readonly dialog: ConfirmDialog | TokenDialog | undefined;
  readonly notice: { readonly good: boolean; readonly text: string } | undefined;
  /** Read out by screen readers when it changes. */
  readonly announcement: string;
  /** The time that ages are told from. */
  readonly nowMs: number;
}

type Listener = (state: PageState, before: PageState) => void;

/** The page's one state. Views are drawn from it, and all that happens replaces parts of it. */
export class Store {
  readonly #listeners: Listener[] = [];

  constructor(public state: PageState) {}

  update(change: Partial<PageState>): void {
    const before = this.state;
    this.state = { ...before, ...change };
    for (const listener of this.#listeners) listener(this.state, before);
  }

  updateDetails(change: Partial<Details>): void {
    this.update({ details: { ...this.state.details, ...change } });
  }

  subscribe(listener: Listener): void {
    this.#listeners.push(listener);
  }
}

/** The mapping that is shown in full: the chosen one, or the only one. */
export function shownMapping({ status, chosen }: PageState): Mapping | undefined {
  const mappings = status?.mappings ?? [];
  return mappings.find(({ name }) => name === chosen) ?? (mappings.length === 1 ? mappings[0] : undefined);
}

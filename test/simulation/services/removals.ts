import type { BridgeView } from './instances.js';
import type { Presence } from './presence.js';
import { ownerOf } from './service-names.js';
import type { Side, Surroundings } from './surroundings.js';

/** Copies that go within this time go at once; the daemon judges when it decides, and not when the write arrives. */
const AT_ONCE_MS = 60_000;
const LIST_COPIES_MIN = 10;
/** What clients have removed the daemon may not have noticed yet, and counts as if it stood. */
const NOTICED_WITHIN_MS = 180_000;

interface Counted {
  readonly standing: number;
  /** Removed by clients, which the daemon may not have noticed. */
  readonly believed: number;
  /** Removed by the daemon a short while ago. */
  readonly lately: number;
}

/** Whether copies go as docs/service-discovery.md says: not for a moment's absence, and not most of a service at once. */
export class Removals {
  readonly #left = new Map<string, { readonly atMs: number; readonly by: string }>();
  readonly #removedByOthers = new Map<string, number>();
  readonly #approved = new Set<string>();
  #replacedMs = -Infinity;

  constructor(
    private readonly view: BridgeView,
    private readonly around: Surroundings,
    private readonly presenceOf: (side: Side, key: string) => Presence,
  ) {}

  /** A client has removed what may be a copy. */
  noteRemoved(side: Side, key: string): void {
    const { setup, bridge } = this.view;
    const isOriginal = side === 'left' && ownerOf(setup.format, key.split('/')[1] ?? '') !== bridge.instance;
    if (!isOriginal) this.#removedByOthers.set(`${side} ${key}`, this.around.nowMs());
  }

  /** A store was replaced: what the daemon counts is no longer what there is. */
  noteReplaced(): void {
    this.#replacedMs = this.around.nowMs();
  }

  /** A person lets go what is held now: no more than the copies whose originals are gone. */
  noteApproved(): void {
    for (const [side, key] of this.#standing()) {
      const nowMs = this.around.nowMs();
      if (this.presenceOf(side, key).wasMissing(nowMs, nowMs)) this.#approved.add(`${side} ${key}`);
    }
  }

  judge(side: Side, keys: readonly string[], by: string): void {
    for (const key of keys) this.#judgeTime(side, key, by);
    const open = keys.filter((key) => !this.#approved.has(`${side} ${key}`));
    const atMs = this.around.nowMs();
    for (const key of open) this.#left.set(`${side} ${key}`, { atMs, by });
    if (open.length > 0 && atMs - this.#replacedMs > NOTICED_WITHIN_MS) this.#judgeShare(side, open, by);
  }

  /** S4: its original has been missing for all of `removeAfter`, as far as anybody could see. */
  #judgeTime(side: Side, key: string, by: string): void {
    const { nowMs, raceMs, setup, noticesWithinMs } = this.around;
    const presence = this.presenceOf(side, key);
    const now = nowMs();
    const { removeAfterMs } = setup;
    if (!presence.wasMissing(now - Math.max(raceMs, removeAfterMs), now)) {
      this.#fail('removals', key, `${by} removes the copy of an original that was there all the time`);
    }
    if (!presence.wasMissing(now - raceMs, now)) {
      this.#fail('removals', key, `${by} removes the copy of an original that has come back`);
    }
    if (noticesWithinMs === undefined) return;
    const sinceMs = presence.missingSince(now, noticesWithinMs) ?? now;
    if (now - sinceMs < removeAfterMs) {
      this.#fail('removals', key, `${by} removes a copy ${now - sinceMs} ms after its original went`);
    }
  }

  #judgeShare(side: Side, keys: readonly string[], by: string): void {
    const groups = new Set(keys.map((key) => key.split('/')[0] ?? ''));
    for (const group of groups) {
      const counted = this.#count(side, (key) => key.startsWith(`${group}/`), by);
      this.#judgeCount(counted, 2, `of ${group}`, by);
    }
    this.#judgeCount(
      this.#count(side, () => true, by),
      LIST_COPIES_MIN,
      'of all',
      by,
    );
  }

  /** Whether the daemon has noticed what clients have removed is not known: it must be wrong either way. */
  #judgeCount({ standing, believed, lately }: Counted, atLeast: number, what: string, by: string): void {
    const isRight = (stay: number): boolean => {
      const before = stay + lately;
      return before < atLeast || stay * 100 >= before * this.around.setup.minHealthy;
    };
    if (isRight(standing) || isRight(standing + believed)) return;
    const [stay, before] = [standing + believed, standing + believed + lately];
    this.#fail(
      'minHealthy',
      undefined,
      `${by} leaves ${stay} of ${before} copies ${what}, with nobody's approval`,
    );
  }

  #count(side: Side, isOf: (key: string) => boolean, by: string): Counted {
    const nowMs = this.around.nowMs();
    const standing = new Set(
      this.#standing().flatMap(([on, key]) => (on === side && isOf(key) ? [key] : [])),
    );
    const ofSide = (place: string): string | undefined => {
      const key = place.startsWith(`${side} `) ? place.slice(side.length + 1) : undefined;
      return key !== undefined && isOf(key) && !standing.has(key) ? key : undefined;
    };
    const lately = [...this.#left].filter(
      ([place, left]) =>
        ofSide(place) !== undefined &&
        left.by === by &&
        nowMs - left.atMs < AT_ONCE_MS - 2 * this.around.raceMs,
    );
    const isLeft = new Set(lately.map(([place]) => place));
    const believed = [...this.#removedByOthers].filter(
      ([place, atMs]) =>
        ofSide(place) !== undefined && !isLeft.has(place) && nowMs - atMs < NOTICED_WITHIN_MS,
    );
    return { standing: standing.size, believed: believed.length, lately: lately.length };
  }

  #standing(): readonly (readonly [Side, string])[] {
    return [
      ...[...this.view.copiesInTree().keys()].map((key) => ['left', key] as const),
      ...[...this.view.copiesInCatalog().keys()].map((key) => ['right', key] as const),
    ];
  }

  #fail(checker: string, key: string | undefined, explanation: string): void {
    this.around.report({ checker, key, explanation: `${this.view.bridge.instance}: ${explanation}` });
  }
}

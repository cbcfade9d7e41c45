/** When something was there, and when it was not. */
export class Presence {
  /** In the order of time; each with what holds from then on. */
  readonly #turns: { readonly atMs: number; readonly isThere: boolean }[] = [];

  note(isThere: boolean, atMs: number): void {
    if ((this.#turns.at(-1)?.isThere ?? false) !== isThere) this.#turns.push({ atMs, isThere });
  }

  /** Whether it was missing at some instant of this time, both ends included. */
  wasMissing(fromMs: number, toMs: number): boolean {
    return this.#spans().some((span) => !span.isThere && span.fromMs <= toMs && span.toMs >= fromMs);
  }

  wasThere(fromMs: number, toMs: number): boolean {
    return this.#spans().some((span) => span.isThere && span.fromMs <= toMs && span.toMs >= fromMs);
  }

  /** Since when it is missing at `atMs`, if returns shorter than `ms` don't count; undefined where it is there. */
  missingSince(atMs: number, ms: number): number | undefined {
    let sinceMs: number | undefined;
    for (const span of this.#spans()) {
      if (span.fromMs > atMs) break;
      if (!span.isThere) sinceMs ??= span.fromMs;
      else if (Math.min(span.toMs, atMs) - span.fromMs >= ms) sinceMs = undefined;
    }
    return sinceMs;
  }

  #spans(): { readonly isThere: boolean; readonly fromMs: number; readonly toMs: number }[] {
    const turns = [{ atMs: -Infinity, isThere: false }, ...this.#turns];
    return turns.map(({ atMs, isThere }, at) => ({
      isThere,
      fromMs: atMs,
      toMs: turns[at + 1]?.atMs ?? Infinity,
    }));
  }
}

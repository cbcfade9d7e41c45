/** Time as the loops see it. Injected, so that a simulation can own it. */
export interface Clock {
  /** Wall-clock time, milliseconds since the epoch. May jump. */
  nowMs(): number;
  /** Milliseconds of a clock that never jumps and never goes back; only differences mean anything. */
  monotonicMs(): number;
  /** Resolves after `ms`, or as soon as `signal` aborts; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Random numbers as the loops see them; injected for the same reason. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

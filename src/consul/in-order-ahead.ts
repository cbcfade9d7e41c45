import { setMaxListeners } from 'node:events';

/**
 * Maps `items` by `work`, up to `ahead` of them at once, and gives the results in the order of the items. When one
 * fails, or the caller stops early, the others are aborted.
 */
export async function* inOrderAhead<T, R>(
  items: Iterable<T>,
  ahead: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  signal: AbortSignal,
): AsyncGenerator<R> {
  const stop = new AbortController();
  // By hand: `AbortSignal.any` leaves something behind on a signal that lives as long as the process (Node 20).
  const abort = () => stop.abort(signal.reason);
  if (signal.aborted) abort();
  // Many scans and reads share one signal, and Node warns of more than ten listeners.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', abort, { once: true });
  const iterator = items[Symbol.iterator]();
  const underWay: Promise<R>[] = [];
  const startOne = () => {
    const step = iterator.next();
    if (step.done === true) return false;
    const result = work(step.value, stop.signal);
    // Waited for below, unless an earlier one fails first.
    result.catch(() => undefined);
    underWay.push(result);
    return true;
  };
  try {
    for (;;) {
      while (underWay.length < ahead && startOne());
      const next = underWay.shift();
      if (next === undefined) return;
      yield await next;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    stop.abort();
  }
}

/**
 * Runs `work` on all items, at most `width` at a time, begun in order; an item is asked for only when its turn comes.
 * The first failure ends it: no further item is begun, and it is thrown once those under way are over, so that
 * nothing goes on behind the caller's back.
 * @returns the results in the order of the items
 */
export async function concurrently<T, R>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const source = items[Symbol.iterator]();
  let begun = 0;
  let failed = false;
  const worker = async () => {
    for (let next = source.next(); next.done !== true && !failed; next = source.next()) {
      const index = begun++;
      try {
        results[index] = await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
      if (failed) return;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: width }, worker));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return results;
}

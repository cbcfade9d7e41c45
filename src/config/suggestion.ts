/** Longer names are no slips of the finger. */
const NAME_LENGTH_MAX = 40;

/** The known name that an unknown one was probably meant to be. */
export function suggestName(unknown: string, known: readonly string[]): string | undefined {
  if (unknown.length > NAME_LENGTH_MAX) return undefined;
  const bare = withoutStyle(unknown);
  const [best] = known
    .map((name) => ({ name, distance: editDistance(bare, withoutStyle(name)) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance);
  return best?.name;
}

/** `session_timeout`, `session-timeout` and `SessionTimeout` are one name in three styles. */
function withoutStyle(name: string): string {
  return name.replaceAll(/[-_]/g, '').toLowerCase();
}

/** How many characters have to be inserted, removed, replaced or swapped with their neighbour. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? at(beforeLast, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, swapped));
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}

/**
 * How mappings are spread over the daemons of an instance. All of them see the same queues of candidates, by the ids of
 * their members and first in line first, and come to the same conclusions.
 */
export type Queues = ReadonlyMap<string, readonly string[]>;

/** How many mappings each member leads: those in whose queues it is the first. */
export function ledBy(queues: Queues): ReadonlyMap<string, number> {
  const led = new Map<string, number>();
  for (const [first] of queues.values()) if (first !== undefined) led.set(first, (led.get(first) ?? 0) + 1);
  return led;
}

/**
 * Whether a member that has come to the head of a queue does better to leave the lead to somebody behind it.
 * @param mine how many mappings it leads besides
 */
export function leavesTheLead(
  mine: number,
  behind: readonly string[],
  led: ReadonlyMap<string, number>,
): boolean {
  return behind.some((member) => (led.get(member) ?? 0) < mine);
}

/**
 * Whether a member better leaves the lead of what follows the mappings, and counts for none, to one behind it: where it
 * leads no mapping, and that one does.
 * @param led how many mappings each leads
 */
export function belongsElsewhere(
  [first, ...behind]: readonly string[],
  led: ReadonlyMap<string, number>,
): boolean {
  return first !== undefined && !led.has(first) && behind.some((member) => led.has(member));
}

/**
 * The next lead to hand over so that the numbers of mappings that members lead differ by one at most; undefined when
 * they do, or nobody less loaded is a candidate. Each such move brings two numbers closer together that were two or
 * more apart, so that there is an end of it.
 */
export function nextHandover(queues: Queues): { mapping: string; from: string } | undefined {
  const led = ledBy(queues);
  const count = (member: string): number => led.get(member) ?? 0;
  let found: { mapping: string; from: string; difference: number } | undefined;
  for (const mapping of [...queues.keys()].sort()) {
    const [from, ...behind] = queues.get(mapping) ?? [];
    if (from === undefined || behind.length === 0) continue;
    const difference = count(from) - Math.min(...behind.map(count));
    if (difference >= 2 && difference > (found?.difference ?? 0)) found = { mapping, from, difference };
  }
  return found && { mapping: found.mapping, from: found.from };
}

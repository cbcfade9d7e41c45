interface Visit<N> {
  readonly node: N;
  readonly place: number;
  readonly dependencies: Iterator<N>;
  /** The lowest place on the path that this node, or one it depends on, leads back to. */
  leadsBackTo: number;
}

/**
 * Puts every node after those it depends on, and keeps the given order where it can: a node that another needs is
 * pulled forward to just before it. Nodes that depend on each other in a circle come as one group.
 *
 * Tarjan's algorithm for strongly connected components, with a stack of its own, because chains may be long.
 */
export function dependencyOrder<N>(nodes: Iterable<N>, dependenciesOf: (node: N) => Iterable<N>): N[][] {
  const groups: N[][] = [];
  const places = new Map<N, number>();
  const grouped = new Set<N>();
  /** Nodes seen, but not yet in a group, in the order of their places. */
  const open: N[] = [];
  const path: Visit<N>[] = [];

  const enter = (node: N): void => {
    const place = places.size;
    places.set(node, place);
    open.push(node);
    path.push({ node, place, dependencies: dependenciesOf(node)[Symbol.iterator](), leadsBackTo: place });
  };

  const leave = (visit: Visit<N>): void => {
    path.pop();
    const dependent = path.at(-1);
    if (dependent !== undefined) dependent.leadsBackTo = Math.min(dependent.leadsBackTo, visit.leadsBackTo);
    if (visit.leadsBackTo < visit.place) return;
    const group = open.splice(open.lastIndexOf(visit.node));
    for (const node of group) grouped.add(node);
    groups.push(group);
  };

  for (const start of nodes) {
    if (!places.has(start)) enter(start);
    for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
      const next = visit.dependencies.next();
      if (next.done === true) {
        leave(visit);
        continue;
      }
      const place = places.get(next.value);
      if (place === undefined) enter(next.value);
      else if (!grouped.has(next.value)) visit.leadsBackTo = Math.min(visit.leadsBackTo, place);
    }
  }
  return groups;
}

import type { CanaryAnswer } from './answers.js';
import { ago, milliseconds, shownText } from './format.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

/** How long a change takes now, from one store to the other. */
export function canaryView(canary: CanaryAnswer, nowMs: number): ComponentChild {
  const problems = [canary.toConsul, canary.toZookeeper].flatMap(({ problem }) => problem ?? []);
  const isLate = problems.length > 0;
  return h(
    'li',
    { class: `store ${isLate ? 'bad' : 'good'}` },
    h('span', { class: 'dot', 'aria-hidden': 'true' }),
    h(
      'div',
      {},
      h('strong', {}, 'Canary'),
      h('span', { class: 'quiet' }, isLate ? ' late' : ''),
      h('div', { class: 'address' }, summaryOf(canary, nowMs)),
      problems.map((problem) => h('div', { class: 'error-text' }, shownText(problem))),
    ),
  );
}

function summaryOf({ role, paused, toConsul, toZookeeper }: CanaryAnswer, nowMs: number): string {
  if (paused) return 'rests, since every mapping is paused';
  if (role !== 'active') return 'sent by another daemon';
  return `to Consul ${shown(toConsul, nowMs)}; to ZooKeeper ${shown(toZookeeper, nowMs)}`;
}

function shown({ lagSeconds, lastSeenAt }: CanaryAnswer['toConsul'], nowMs: number): string {
  if (lagSeconds === null || lastSeenAt === null) return 'none yet';
  return `${milliseconds(lagSeconds * 1_000)}, ${ago(lastSeenAt, nowMs)}`;
}

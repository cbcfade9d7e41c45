import type { Mapping } from './answers.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

/** By word, sign and colour: none of them alone. */
export function stateChip({ state, inSync, role, holds }: Mapping): ComponentChild {
  const shown = (tone: string, sign: string, text: string) =>
    h('span', { class: `chip ${tone}` }, h('span', { 'aria-hidden': 'true' }, sign), ` ${text}`);
  if (state === 'held') return shown('bad', '■', 'held');
  if (state === 'degraded') return shown('bad', '▲', 'degraded');
  if (state === 'paused') return shown('warn', '❚❚', 'paused');
  if (state === 'starting') return shown('neutral', '…', 'starting');
  if (role === 'standby') return shown('neutral', '○', 'standby');
  if (holds.length > 0) return shown('warn', '■', 'live, with holds');
  return inSync ? shown('good', '✓', 'in sync') : shown('info', '↻', 'catching up');
}

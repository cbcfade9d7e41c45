import type { History } from './answers.js';
import { count, milliseconds } from './format.js';
import { askedView, sectionView } from './parts.js';
import { plotView } from './plot-view.js';
import type { Asked } from './state.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

const HOUR_MS = 3_600_000;

/** The last hour as plots. */
export function activityView(history: Asked<History>): ComponentChild {
  return sectionView('Last hour', 'activity', askedView(history, plotsView));
}

function plotsView({ samples }: History): ComponentChild {
  const times = samples.map(({ at }) => Date.parse(at ?? ''));
  const toMs = times.at(-1) ?? 0;
  const span = { times, fromMs: toMs - HOUR_MS, toMs };
  const perSecond = (value: number) => `${value >= 10 ? count(Math.round(value)) : value.toFixed(1)}/s`;
  const worst = (pick: (sample: History['samples'][number]) => { p99Ms: number } | null) =>
    samples.map((sample) => pick(sample)?.p99Ms);
  return h(
    'div',
    { class: 'plots' },
    plotView('Writes per second', perSecond, span, {
      consul: samples.map(({ writesPerSecond }) => writesPerSecond.toConsul),
      zookeeper: samples.map(({ writesPerSecond }) => writesPerSecond.toZookeeper),
    }),
    plotView('Lag, 99 % below', milliseconds, span, {
      consul: worst(({ lag }) => lag.toConsul),
      zookeeper: worst(({ lag }) => lag.toZookeeper),
    }),
    plotView('Pending entries', count, span, {
      consul: samples.map(({ pending }) => pending.toConsul),
      zookeeper: samples.map(({ pending }) => pending.toZookeeper),
    }),
  );
}

import type { ReplicaName } from './answers.js';
import { STORE_NAMES } from './answers.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

const WIDTH = 320;
const HEIGHT = 96;
const TOP = 6;
const DOT_RADIUS = 1.8;
/** Samples come every 10 s; where some are missing, the line is interrupted. */
const GAP_MS = 25_000;
const SIDES: readonly ReplicaName[] = ['consul', 'zookeeper'];

interface Span {
  readonly times: readonly number[];
  readonly fromMs: number;
  readonly toMs: number;
}

/** Undefined where nothing was measured. */
type Series = Readonly<Record<ReplicaName, ReadonlyArray<number | undefined>>>;

/** One plot with a line for each side that is written, and its latest and highest values as text. */
export function plotView(
  title: string,
  show: (value: number) => string,
  span: Span,
  series: Series,
): ComponentChild {
  const known = SIDES.flatMap((side) => series[side]).filter((value) => value !== undefined);
  const max = known.reduce((most, value) => Math.max(most, value), 0);
  const scale = max > 0 ? max : 1;
  return h(
    'figure',
    { class: 'plot' },
    h('figcaption', {}, h('strong', {}, title), h('span', { class: 'quiet' }, `up to ${show(max)}`)),
    h(
      'svg',
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        role: 'img',
        'aria-label': describe(title, show, series),
      },
      [0, 0.5, 1].map((share) => {
        const y = yOf(share, 1);
        return h('line', { class: 'grid', x1: 0, x2: WIDTH, y1: y, y2: y });
      }),
      SIDES.map((side) => lineView(side, series[side], span, scale)),
    ),
    h('div', { class: 'axis quiet', 'aria-hidden': 'true' }, h('span', {}, '1 h ago'), h('span', {}, 'now')),
    h(
      'ul',
      { class: 'legend' },
      SIDES.map((side) =>
        h(
          'li',
          { class: side },
          h('span', { class: 'swatch', 'aria-hidden': 'true' }),
          `→ ${STORE_NAMES[side]} `,
          h('strong', {}, latest(series[side], show)),
        ),
      ),
    ),
  );
}

/** A value that stands alone between gaps is a dot. */
function lineView(side: ReplicaName, values: Series[ReplicaName], span: Span, max: number): ComponentChild {
  const points = values.flatMap((value, at) => {
    const timeMs = span.times[at];
    return value === undefined || timeMs === undefined ? [] : [{ timeMs, value }];
  });
  const xOf = (timeMs: number) => ((timeMs - span.fromMs) / Math.max(1, span.toMs - span.fromMs)) * WIDTH;
  const path = points.map(({ timeMs, value }, at) => {
    const former = points[at - 1];
    const begins = former === undefined || timeMs - former.timeMs > GAP_MS;
    return `${begins ? 'M' : 'L'}${xOf(timeMs).toFixed(1)} ${yOf(value, max).toFixed(1)}`;
  });
  const alone = points.filter(({ timeMs }, at) => {
    const far = (other: { timeMs: number } | undefined) =>
      other === undefined || Math.abs(other.timeMs - timeMs) > GAP_MS;
    return far(points[at - 1]) && far(points[at + 1]);
  });
  return h(
    'g',
    { class: side },
    h('path', { d: path.join(''), 'vector-effect': 'non-scaling-stroke' }),
    alone.map(({ timeMs, value }) =>
      h('circle', { cx: xOf(timeMs).toFixed(1), cy: yOf(value, max).toFixed(1), r: DOT_RADIUS }),
    ),
  );
}

function yOf(value: number, max: number): number {
  return HEIGHT - 1 - (value / max) * (HEIGHT - TOP - 1);
}

function latest(values: Series[ReplicaName], show: (value: number) => string): string {
  const value = values.findLast((one) => one !== undefined);
  return value === undefined ? 'none' : show(value);
}

function describe(title: string, show: (value: number) => string, series: Series): string {
  const sides = SIDES.map((side) => {
    const highest = series[side].reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
    return `to ${STORE_NAMES[side]} last ${latest(series[side], show)}, at most ${show(highest)}`;
  });
  return `${title} over the last hour: ${sides.join('; ')}`;
}

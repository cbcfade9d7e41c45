import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** A heap in which some 20 MB live, and as much is thrown away again and again; tells the most that it took. */
const WORK = `
  const live = Array.from({ length: 200_000 }, (_, i) => ({ i, text: 'x' + i }));
  const short = [];
  let most = 0;
  for (let i = 0; i < 3_000_000; i++) {
    short[i % 100_000] = { i, list: [i] };
    if (i % 100_000 === 0) most = Math.max(most, process.memoryUsage().heapTotal);
  }
  console.log(most, live.length);
`;

it('keeps its heap small: for the same work, the machine gives less memory', () => {
  const module = new URL('../../../src/cli/run/heap-growth.ts', import.meta.url).href;
  const keepSmall = `const { keepHeapSmall } = await import(${JSON.stringify(module)}); keepHeapSmall();`;
  expect(mostHeap(keepSmall)).toBeLessThan(0.8 * mostHeap(''));
});

function mostHeap(before: string): number {
  const script = ['--import', 'tsx', '--input-type=module', '--eval', before + WORK];
  const output = execFileSync(process.execPath, script, { encoding: 'utf8', stdio: 'pipe' });
  return Number(output.split(' ')[0]);
}

import { describe, expect, it } from 'vitest';
import { JsonListWriter } from '../../../src/cli/json-list-writer.js';
import { tableLines } from '../../../src/cli/table.js';
import { Progress } from '../../../src/cli/terminal.js';
import { showAge, showCounted, showDuration } from '../../../src/cli/times.js';
import { capturedTerminal } from './captured-run.js';

const RED = '\x1b[31mno\x1b[39m';

describe('colours', () => {
  it('are used on a terminal', () => {
    expect(capturedTerminal({ isTTY: true }).terminal.style('no', 'red')).toBe(RED);
  });

  it('are not used where the output is no terminal', () => {
    expect(capturedTerminal({ isTTY: false }).terminal.style('no', 'red')).toBe('no');
  });

  it('are not used with --no-color, with NO_COLOR, or on a dumb terminal', () => {
    expect(capturedTerminal({ isTTY: true, color: false }).terminal.style('no', 'red')).toBe('no');
    for (const environment of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      expect(capturedTerminal({ isTTY: true, environment }).terminal.style('no', 'red')).toBe('no');
    }
  });

  it('are used with an empty NO_COLOR, which stands for none', () => {
    const { terminal } = capturedTerminal({ isTTY: true, environment: { NO_COLOR: '' } });
    expect(terminal.style('no', 'red')).toBe(RED);
  });
});

describe('a table', () => {
  it('aligns its columns by what is seen, with colours or without', () => {
    const columns = [{ title: 'NAME' }, { title: 'COUNT', align: 'right' }, { title: 'NOTE' }] as const;
    const rows = [
      [{ text: 'größe', style: 'red' as const }, '1,200', 'x'],
      ['a', '3', ''],
    ];
    const plain = tableLines(capturedTerminal().terminal, columns, rows);
    expect(plain).toEqual(['NAME   COUNT  NOTE', 'größe  1,200  x', 'a          3']);
    const coloured = tableLines(capturedTerminal({ isTTY: true }).terminal, columns, rows);
    expect(coloured.map((line) => line.replaceAll(/\x1b\[\d+m/g, ''))).toEqual(plain);
  });
});

describe('progress', () => {
  function progressAt(times: readonly number[], isTTY: boolean): string {
    let written = '';
    let now = 0;
    const progress = new Progress({ write: (text) => (written += text), isTTY }, () => now);
    for (const time of times) {
      now = time;
      progress.show(`${time} done`);
    }
    progress.clear();
    return written;
  }

  it('is one line, written over at most every 200 ms and cleared at the end', () => {
    expect(progressAt([100, 300, 400, 500], true)).toBe('\r\x1b[K300 done\r\x1b[K500 done\r\x1b[K');
  });

  it('leaves no trace where what it tells about ended at once', () => {
    expect(progressAt([0, 150], true)).toBe('');
  });

  it('is cleared before anything else is written', () => {
    const { terminal, written } = capturedTerminal({ isTTY: true });
    let now = 0;
    const progress = terminal.progress(() => now);
    now = 1_000;
    progress.show('half');
    terminal.note('a warning');
    now = 2_000;
    progress.show('more');
    terminal.print('a result');
    expect(written().stderr).toBe('\r\x1b[Khalf\r\x1b[Ka warning\n\r\x1b[Kmore\r\x1b[K');
  });

  it('is not shown where nobody watches', () => {
    expect(progressAt([300, 600], false)).toBe('');
  });
});

describe('a JSON object with a long list', () => {
  it('is whole however many members the list has, nested lists included', () => {
    for (const count of [0, 1, 3]) {
      const { terminal, written } = capturedTerminal();
      const list = new JsonListWriter(terminal, {}, 'mappings');
      for (let i = 0; i < count; i++) {
        const inner = list.nested({ name: `m${i}` }, 'actions');
        for (let j = 0; j < i; j++) inner.item({ key: `k${j}` });
        inner.end({ sum: i });
      }
      list.end({ done: true });
      const mappings = Array.from({ length: count }, (_, i) => ({
        name: `m${i}`,
        actions: Array.from({ length: i }, (__, j) => ({ key: `k${j}` })),
        sum: i,
      }));
      expect(JSON.parse(written().stdout)).toEqual({ mappings, done: true });
    }
  });

  it('has nothing in it that a terminal would obey, and still the same keys', () => {
    const { terminal, written } = capturedTerminal();
    const key = 'a\x7f\x9b31m\u202e\u2028\n';
    const list = new JsonListWriter(terminal, {}, 'keys');
    list.item(key);
    list.end({});
    const { stdout } = written();
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(stdout)).toEqual({ keys: [key] });
  });
});

describe('times and counts', () => {
  it('are shown in their two largest units', () => {
    const shown = [0, 0.4, 59, 60, 65, 3_600, 3_661, 90_000, 86_400 * 30].map(showDuration);
    expect(shown).toEqual([
      '0 s',
      '0 s',
      '59 s',
      '1 min',
      '1 min 5 s',
      '1 h',
      '1 h 1 min',
      '1 d 1 h',
      '30 d',
    ]);
  });

  it('say how long ago something was, never in the future', () => {
    const now = Date.UTC(2026, 0, 31, 12);
    expect(showAge('2026-01-31T11:58:00.000Z', now)).toBe('2 min ago');
    expect(showAge('2026-01-31T12:00:05.000Z', now)).toBe('0 s ago');
    expect(showAge(null, now)).toBe('never');
  });

  it('are in the singular for one', () => {
    expect([0, 1, 2_000].map((count) => showCounted(count, 'entry', 'entries'))).toEqual([
      '0 entries',
      '1 entry',
      '2,000 entries',
    ]);
  });
});

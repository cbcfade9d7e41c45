import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackupEntry } from '../../../src/cli/backup/backup-format.js';
import { readBackup, verifyBackup } from '../../../src/cli/backup/backup-reader.js';
import { encodeItem } from '../../../src/cli/backup/backup-format.js';
import { SealedWriter } from '../../../src/cli/sealed-writer.js';
import { capturedTerminal } from './captured-run.js';

const entry = (key: string, value: string | Uint8Array): BackupEntry => ({
  mapping: 'config',
  key,
  side: 'both',
  value: Buffer.from(value as string),
  flags: 0n,
  acl: [{ scheme: 'world', id: 'anyone', permissions: 1 }],
  session: undefined,
});

let directory: string;
let file: string;
let whole: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'zk-consul-sync-backup-'));
  file = join(directory, 'backup.jsonl');
  const mappings = [{ name: 'config', zookeeper: '/config', consul: 'config', side: 'both' as const }];
  const header = { backup: 1, madeAt: '2026-01-01T00:00:00Z', madeBy: '0', instance: 'i', mappings } as const;
  const writer = await SealedWriter.begin(file, capturedTerminal().terminal);
  await writer.header(header);
  await writer.add([entry('a', 'first'), entry('b', new Uint8Array([0, 255]))].map(encodeItem));
  await writer.add([{ mapping: 'config', key: 'c', side: 'zookeeper', unread: 'denied' }]);
  await writer.end();
  whole = readFileSync(file, 'utf8');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('a backup', () => {
  it('is what was written, when it is whole', async () => {
    const { header, counts, digest } = await verifyBackup(file);
    expect(header.mappings.map(({ name }) => name)).toEqual(['config']);
    expect(counts).toEqual(new Map([['config', { entries: 2, unread: 1 }]]));
    expect(whole).toContain(digest);
  });

  it('is read across the borders of the chunks that a file comes in', async () => {
    const { header } = await verifyBackup(file);
    const writer = await SealedWriter.begin(file, capturedTerminal().terminal);
    await writer.header(header);
    for (let i = 0; i < 3; i++) await writer.add([encodeItem(entry(`k${i}`, Buffer.alloc(1_000_000, i)))]);
    await writer.end();
    expect((await verifyBackup(file)).counts).toEqual(new Map([['config', { entries: 3, unread: 0 }]]));
  });

  it('is not read once more when another one, whole as well, was put in its place meanwhile', async () => {
    const { header, state } = await verifyBackup(file);
    const items: unknown[] = [];
    for await (const item of readBackup(file, state)) items.push(item);
    expect(items).toHaveLength(3);
    const writer = await SealedWriter.begin(file, capturedTerminal().terminal);
    await writer.header(header);
    await writer.add([encodeItem(entry('nobody has seen this', 'x'))]);
    await writer.end();
    await expect(readBackup(file, state).next()).rejects.toThrow(/it was changed since it was shown/);
  });

  it.each<[string, (text: string, lines: readonly string[]) => string, RegExp]>([
    [
      'without its last line',
      (_, lines) => lines.slice(0, 4).join(''),
      /cut: there is no last line after line 4/,
    ],
    ['cut in a line', (text) => text.slice(0, -20), /cut: line 5 has no end/],
    ['with another value', (text) => text.replace('"first"', '"FIRST"'), /line 5: digest: .* was altered/],
    ['with another header', (text) => text.replace('"i"', '"j"'), /line 5: digest: .* was altered/],
    [
      'with a line less',
      (text, [, a = '']) => text.replace(a, ''),
      /line 4: lines: it tells of 3 lines, .* 2/,
    ],
    ['with lines in another order', (_, [h, a, b, ...rest]) => [h, b, a, ...rest].join(''), /altered/],
    ['with a key that is none', (text) => text.replace('"key":"b"', '"key":7'), /line 3: key: /],
    ['with a permission that is none', (text) => text.replace('"r"', '"q"'), /line 2: acl/],
    [
      'of a mapping that the header lacks',
      (text) => text.replace('{"mapping":"config"', '{"mapping":"x"'),
      /line 2: mapping: /,
    ],
    ['of a newer version', (text) => text.replace('"backup":1', '"backup":2'), /line 1: .* newer version/],
    ['with more behind it', (text) => `${text}{}\n`, /line 6: something follows the last line/],
    ['that is something else', () => 'some text\n', /line 1: it is no JSON/],
    ['that is some other JSON', () => '{}\n', /line 1: it does not begin with the header of a backup/],
    ['without anything', () => '', /it is empty/],
  ])('is refused %s, and the line is named', async (_what, damage, message) => {
    const lines = whole.split(/(?<=\n)/);
    writeFileSync(file, damage(whole, lines));
    await expect(verifyBackup(file)).rejects.toThrow(message);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BackupEntry } from '../../../src/cli/backup/backup-format.js';
import { BACKUP_LINES, encodeItem } from '../../../src/cli/backup/backup-format.js';
import { jsonText } from '../../../src/cli/terminal.js';

const HEADER = {
  backup: 1 as const,
  madeAt: '',
  madeBy: '',
  instance: '',
  mappings: [{ name: 'm', zookeeper: '/', consul: '', side: 'both' as const }],
};
const decode = (line: string) => BACKUP_LINES.item(JSON.parse(line), HEADER);

const side = fc.constantFrom('both' as const, 'zookeeper' as const, 'consul' as const);
const rule = fc.record({
  scheme: fc.constantFrom('world', 'digest', 'x509'),
  id: fc.string({ unit: 'grapheme' }),
  permissions: fc.integer({ min: 0, max: 31 }),
});
const value = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc.string({ unit: 'grapheme' }).map((text) => new Uint8Array(Buffer.from(text))),
  fc.constant(new Uint8Array(Buffer.from('\ufeffwith a mark'))),
);
const entry: fc.Arbitrary<BackupEntry> = fc.record({
  mapping: fc.constant('m'),
  key: fc.string({ unit: 'binary' }),
  side,
  value,
  flags: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  acl: fc.oneof(fc.constant(undefined), fc.constant('hidden' as const), fc.array(rule)),
  session: fc.option(side, { nil: undefined }),
});

describe('a line of a backup', () => {
  it('comes back as it was, to the last bit, whatever keys and values hold', () => {
    fc.assert(
      fc.property(entry, (one) => {
        const line = jsonText(encodeItem(one));
        expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        const back = decode(line) as BackupEntry;
        expect({ ...back, value: [...back.value] }).toEqual({ ...one, value: [...one.value] });
      }),
    );
  });

  it('has text where a value is text, and base64 where it is not', () => {
    const kept = (bytes: Uint8Array) =>
      encodeItem({
        mapping: 'm',
        key: 'k',
        side: 'both',
        value: bytes,
        flags: 0n,
        acl: undefined,
        session: undefined,
      });
    const line = { mapping: 'm', key: 'k', side: 'both' };
    expect(kept(Buffer.from('größer\n\tals'))).toEqual({ ...line, text: 'größer\n\tals' });
    expect(kept(Buffer.from('nul\0'))).toEqual({ ...line, base64: Buffer.from('nul\0').toString('base64') });
    expect(kept(Buffer.from([0xc3, 0x28]))).toEqual({ ...line, base64: 'wyg=' });
  });

  it.each([
    ['{"mapping":"m","key":"k","side":"both"}', 'has to have either text or base64'],
    [
      '{"mapping":"m","key":"k","side":"both","text":"a","base64":"YQ=="}',
      'has to have either text or base64',
    ],
    ['{"mapping":"m","key":"k","side":"left","text":"a"}', 'side: '],
    ['{"mapping":"m","key":"k","side":"both","text":"a","flags":"18446744073709551616"}', 'flags: has more'],
    ['{"mapping":"m","key":"k","side":"both","text":"a","more":1}', 'more'],
    ['[]', 'expected object'],
    ['{"mapping":"other","key":"k","side":"both","text":"a"}', 'mapping: '],
  ])('is refused where it is not as it should be: %s', (line, message) => {
    expect(() => decode(line)).toThrow(message);
  });
});

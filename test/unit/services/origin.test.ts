import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLegalSegment } from '../../../src/core/key-codec.js';
import { originDigits, originOfDigits, originOfText, originText } from '../../../src/services/origin.js';

const text = fc.string({ unit: 'grapheme' });
const origins = fc.record({ bridge: text, node: text, id: text });

describe('the name of a copy tells its origin', () => {
  it('as text, which people can read', () => {
    const origin = { bridge: 'default', node: 'node-1', id: 'web:8080' };
    expect(originText(origin)).toBe('zk-consul-sync:default:node-1:web%3A8080');
    expect(originOfText('zk-consul-sync:default:node-1:web%3A8080')).toEqual(origin);
  });

  it('as digits, longer than any sequence number', () => {
    const digits = originDigits({ bridge: 'b', node: 'n', id: '1' });
    expect(digits).toMatch(/^\d{30,}$/);
    expect(originOfDigits(digits)).toEqual({ bridge: 'b', node: 'n', id: '1' });
  });

  it('any origin comes back, from a name that ZooKeeper takes', () => {
    fc.assert(
      fc.property(origins, (origin) => {
        expect(originOfText(originText(origin))).toEqual(origin);
        expect(originOfDigits(originDigits(origin))).toEqual(origin);
        expect(isLegalSegment(originText(origin))).toBe(true);
      }),
    );
  });

  it('a name that clients give to their instances tells none', () => {
    const names = [
      '4a1c0a3e-9f5e-4c5c-9b5a-0c6f3a1d2b3c',
      'web:8080',
      'zk-consul-sync:a:b',
      'zk-consul-sync:a:%:c',
    ];
    for (const name of names) expect(originOfText(name), name).toBeUndefined();
    for (const digits of [
      '0000000001',
      '-2147483648',
      '9999999999',
      `9${'9'.repeat(40)}`,
      `9${'0'.repeat(29)}`,
    ]) {
      expect(originOfDigits(digits), digits).toBeUndefined();
    }
  });
});

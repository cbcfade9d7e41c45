import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeEntries,
  decodeTransaction,
  encodeTransaction,
  encodedWriteBytes,
  failureKind,
} from '../../../src/consul/transaction.js';
import type { TransactionOperation } from '../../../src/consul/transaction.js';

const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const key = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '"Flags":12345678901234567890',
    '\\"ModifyIndex":18446744073709551615,"',
    '"Flags": 9007199254740993',
    '},{',
    '},{"LockIndex":0,"Key":"',
  ),
);
const value = fc.uint8Array({ maxLength: 100 });

type Write = TransactionOperation & { verb: 'cas' };

/** What Consul makes of an operation that it has just applied. */
function asConsulAnswers(operations: readonly Write[], spaces: boolean): Buffer {
  const colon = spaces ? ': ' : ':';
  const results = operations.map((operation) => `{"KV"${colon}${asConsulShows(operation, colon)}}`);
  return Buffer.from(`{"Results"${colon}[${results.join(',')}],"Errors"${colon}null}`);
}

function asConsulShows({ key: name, value: content, flags, index }: Write, colon: string): string {
  const encoded = content.length === 0 ? 'null' : `"${Buffer.from(content).toString('base64')}"`;
  const members = [
    `"LockIndex"${colon}0`,
    `"Key"${colon}${JSON.stringify(name)}`,
    `"Flags"${colon}${flags}`,
    `"Value"${colon}${encoded}`,
    `"CreateIndex"${colon}${index}`,
    `"ModifyIndex"${colon}${index}`,
  ];
  return `{${members.join(',')}}`;
}

describe('the JSON of transactions', () => {
  it('flags, indexes, keys and values come back to the last bit, whatever a key looks like', () => {
    const operation = fc.record({
      verb: fc.constant('cas' as const),
      key,
      value,
      flags: uint64,
      index: uint64,
    });
    const operations = fc.uniqueArray(operation, { selector: (one) => one.key, maxLength: 5 });
    fc.assert(
      fc.property(operations, fc.boolean(), (all, spaces) => {
        const answer = decodeTransaction(asConsulAnswers(all, spaces), true);
        if (answer.kind !== 'passed') throw new Error('it passed');
        expect(answer.entries.size).toBe(all.length);
        for (const one of all) {
          const entry = answer.entries.get(one.key);
          expect(entry).toMatchObject({ key: one.key, value: one.value, flags: one.flags });
          expect(entry).toMatchObject({ createIndex: one.index, modifyIndex: one.index, session: undefined });
        }
      }),
    );
  });

  it('a list of entries is the same in whatever pieces it is parsed, whatever a key looks like', () => {
    const operation = fc.record({
      verb: fc.constant('cas' as const),
      key,
      value,
      flags: uint64,
      index: uint64,
    });
    const lists = fc.array(operation, { maxLength: 12 });
    fc.assert(
      fc.property(lists, fc.boolean(), fc.integer({ min: 0, max: 400 }), (all, spaces, pieceBytes) => {
        const between = spaces ? ', ' : ',';
        const list = all.map((one) => asConsulShows(one, spaces ? ': ' : ':')).join(between);
        const entries = decodeEntries(Buffer.from(`[${list}]`), pieceBytes);
        expect(entries.map(({ key: name }) => name)).toEqual(all.map((one) => one.key));
        expect(entries.map(({ modifyIndex }) => modifyIndex)).toEqual(all.map((one) => one.index));
        expect(entries.map((entry) => [...entry.value])).toEqual(all.map((one) => [...one.value]));
      }),
    );
  });

  it('a list that breaks off in a later piece is no list', () => {
    const entry = asConsulShows(
      { verb: 'cas', key: 'a', value: Buffer.from('v'), flags: 0n, index: 1n },
      ':',
    );
    expect(() => decodeEntries(Buffer.from(`[${entry},${entry},{"LockIndex":0`), 10)).toThrow();
    expect(() => decodeEntries(Buffer.from(`[${entry},${entry},${entry}`), 10)).toThrow();
    expect(() => decodeEntries(Buffer.from(`[${entry},${entry}]x`), 10)).toThrow();
  });

  it('a request is JSON whose numbers are written out in full', () => {
    const body = encodeTransaction([
      {
        verb: 'cas',
        key: 'a"b',
        value: Buffer.from('v'),
        flags: 18446744073709551615n,
        index: 9007199254740993n,
      },
      { verb: 'delete-cas', key: 'c', index: 5n },
      { verb: 'check-index', key: 'd', index: 6n },
      { verb: 'check-not-exists', key: 'e' },
      { verb: 'get', key: 'f' },
    ]);
    expect(body.toString()).toContain('"Flags":18446744073709551615');
    expect(body.toString()).toContain('"Index":9007199254740993');
    expect(JSON.parse(body.toString())).toMatchObject([
      { KV: { Verb: 'cas', Key: 'a"b', Value: 'dg==' } },
      { KV: { Verb: 'delete-cas', Key: 'c', Index: 5 } },
      { KV: { Verb: 'check-index', Key: 'd', Index: 6 } },
      { KV: { Verb: 'check-not-exists', Key: 'e' } },
      { KV: { Verb: 'get', Key: 'f' } },
    ]);
  });

  it('the announced size of a write is never less than the real one, and for the longest numbers exact', () => {
    const operation = fc.record({
      verb: fc.constant('cas' as const),
      key,
      value,
      flags: uint64,
      index: uint64,
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 5 }), (operations) => {
        const announced = operations.reduce(
          (sum, one) => sum + encodedWriteBytes(one.key, one.value.length),
          2,
        );
        expect(encodeTransaction(operations).length).toBeLessThanOrEqual(announced);
      }),
    );
    const longest = 18446744073709551615n;
    const full = {
      verb: 'cas',
      key: 'ключ',
      value: new Uint8Array(100),
      flags: longest,
      index: longest,
    } as const;
    const second = { ...full, key: 'b' };
    const announced = encodedWriteBytes('ключ', 100) + encodedWriteBytes('b', 100);
    // Each is announced with a comma, the last one of which is not written.
    expect(encodeTransaction([full, second]).length).toBe(announced + '[]'.length - ','.length);
    expect(encodeTransaction([{ verb: 'delete-cas', key: 'ключ', index: longest }]).length).toBeLessThan(
      encodedWriteBytes('ключ', 0),
    );
  });

  it('a failed transaction names its failed operations', () => {
    const body = Buffer.from('{"Results":null,"Errors":[{"OpIndex":3,"What":"key \\"a\\" exists"}]}');
    expect(decodeTransaction(body, false)).toEqual({
      kind: 'failed',
      failures: [{ position: 3, what: 'key "a" exists' }],
    });
  });

  it('S5: a failed transaction that names none is no answer', () => {
    expect(() => decodeTransaction(Buffer.from('{"Results":null,"Errors":null}'), false)).toThrow(
      'names no failed',
    );
  });
});

describe('the texts of failed operations (measured, 1.8.7)', () => {
  it.each([
    ['key "a" doesn\'t exist', 'missing'],
    ['key "a" exists', 'exists'],
    ['failed to set key "a", index is stale', 'stale'],
    ['failed to delete key "a", index is stale', 'stale'],
    ['failed index check for key "a", current modify index 8 != 1', 'stale'],
    ['failed to check index, key "a" doesn\'t exist', 'stale'],
    ['Permission denied', 'denied'],
    ["Permission denied: token with AccessorID 'x' lacks permission 'key:write' on \"a\"", 'denied'],
    ['Must provide key', 'refused'],
    ['failed kvs lookup: broken', 'broken'],
  ])('%s is %s', (what, kind) => {
    expect(failureKind(what)).toBe(kind);
  });

  it('S4: no key makes an existing entry look missing', () => {
    for (const odd of ["x doesn't exist", '\\" doesn\'t exist', 'Permission denied']) {
      expect(failureKind(`key "${odd}" exists`)).toBe('exists');
      expect(failureKind(`failed to set key "${odd}", index is stale`)).toBe('stale');
    }
  });
});

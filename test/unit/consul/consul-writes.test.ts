import { afterEach, describe, expect, it } from 'vitest';
import type { PresentReading } from '../../../src/core/observation.js';
import type { LedgerWrite, WriteOperation, WriteOutcome } from '../../../src/ports/replica.js';
import type { Script, ScriptedAnswer } from '../../kit/scripted-http-peer.js';
import { NEVER, entry, failed, operationsOf, passed, scriptedConsul } from './scripted-consul.js';
import type { ScriptedConsul } from './scripted-consul.js';

const started: ScriptedConsul[] = [];

afterEach(async () => {
  for (const consul of started.splice(0)) await consul.dispose();
});

async function start(script: Script | ScriptedAnswer): Promise<ScriptedConsul> {
  const consul = await scriptedConsul(typeof script === 'function' ? script : () => script);
  started.push(consul);
  return consul;
}

const LEDGER = { content: 'ledger', expected: undefined };
const LARGE = new Uint8Array(500_000).fill(7);

const create = (key: string, value: string | Uint8Array = 'v'): WriteOperation => ({
  kind: 'create',
  key,
  value: typeof value === 'string' ? Buffer.from(value) : value,
});

const base = (session?: string): PresentReading => ({
  kind: 'present',
  version: { modified: 7n, created: 5n, revision: 0 },
  value: Buffer.from('old'),
  digest: 'old',
  flags: 18446744073709551615n,
  children: 0,
  session,
  stamp: undefined,
});

async function write(
  consul: ScriptedConsul,
  operations: readonly WriteOperation[],
  ledger?: LedgerWrite,
): Promise<WriteOutcome> {
  return consul.replica.write({ operations, ledger }, NEVER);
}

describe('a batch', () => {
  it('S3: goes out as one transaction with the ledger first, each operation under its condition', async () => {
    const consul = await start((request) =>
      passed(
        ...operationsOf(request).flatMap(({ Verb, Key }) => (Verb === 'cas' ? [entry(Key, '', 12)] : [])),
      ),
    );
    const operations: WriteOperation[] = [
      create('a'),
      { kind: 'update', key: 'b', value: Buffer.from('new'), base: base() },
      { kind: 'delete', key: 'c', base: base() },
    ];
    const outcome = await write(consul, operations, LEDGER);
    expect(outcome).toMatchObject({ kind: 'applied', ledger: { modified: 12n } });
    expect(outcome.kind === 'applied' && [...outcome.versions.keys()]).toEqual(['a', 'b']);
    const [request] = consul.peer.requests;
    expect(request && operationsOf(request)).toMatchObject([
      { Verb: 'cas', Key: 'zk-consul-sync/test/config', Index: 0 },
      { Verb: 'cas', Key: 'config/a', Index: 0 },
      { Verb: 'cas', Key: 'config/b', Index: 7 },
      { Verb: 'delete-cas', Key: 'config/c', Index: 7 },
    ]);
    expect(request?.body.toString()).toContain('"Flags":18446744073709551615');
  });

  it.each<[string, ScriptedAnswer, WriteOutcome['kind']]>([
    ['a missing leader', { status: 500, body: 'No cluster leader' }, 'retriable'],
    ['a rate limit', { status: 429 }, 'retriable'],
    ['an unknown token', { status: 403, body: 'ACL not found' }, 'retriable'],
    ['a leader lost on the way', { status: 500, body: 'leadership lost while committing log' }, 'unknown'],
    ['a bad gateway', { status: 502 }, 'unknown'],
    ['an answer that breaks off', { truncated: '{"Results":[]}', afterBytes: 5 }, 'unknown'],
    ['a closed connection', 'hang-up', 'unknown'],
    ['a web page', { body: '<html>' }, 'unknown'],
    ['a success without results', passed(), 'unknown'],
    ['a failure of the server itself', failed([0, 'failed kvs lookup: broken']), 'retriable'],
  ])('S7: %s ends as it must', async (_name, answer, kind) => {
    const consul = await start(answer);
    expect((await write(consul, [create('a')])).kind).toBe(kind);
    expect(consul.peer.requests).toHaveLength(1);
  });

  it('L2: failed conditions name their entries, and the ledger apart', async () => {
    const stale = (key: string) => `failed to set key "${key}", index is stale`;
    const consul = await start(failed([0, stale('zk-consul-sync/test/config')], [2, stale('config/b')]));
    expect(await write(consul, [create('a'), create('b')], LEDGER)).toEqual({
      kind: 'condition-failed',
      keys: ['b'],
      ledger: true,
    });
  });

  it('L2: denied and refused entries are rejected by name, so that the rest can go without them', async () => {
    const consul = await start(failed([1, 'Permission denied'], [3, 'invalid key name']));
    expect(await write(consul, [create('a'), create('b'), create('c')], LEDGER)).toEqual({
      kind: 'rejected',
      rejections: [
        { key: 'a', reason: 'denied', detail: 'Permission denied' },
        { key: 'c', reason: 'illegal-key', detail: 'invalid key name' },
      ],
    });
  });

  it('a ledger that may not be written is no fault of the entries', async () => {
    const consul = await start(failed([0, 'Permission denied'], [1, 'Permission denied']));
    expect(await write(consul, [create('a')], LEDGER)).toMatchObject({
      kind: 'retriable',
      cause: {
        code: 'STORE_DENIED',
        message: expect.stringContaining('zk-consul-sync/test/config') as string,
      },
    });
  });

  it('L2: a server with lower limits costs the largest entry, not the batch', async () => {
    const consul = await start({ status: 413, body: 'Request body too large, max size: 1000 bytes' });
    expect(await write(consul, [create('a'), create('b', 'x'.repeat(2_000)), create('c')])).toMatchObject({
      kind: 'rejected',
      rejections: [
        { key: 'b', reason: 'too-large', detail: expect.stringContaining('1000 bytes') as string },
      ],
    });
  });

  it('S8: what can not be written exactly is rejected before anything is sent', async () => {
    const consul = await start(passed());
    const held = base('5e55-10n');
    const outcome = await write(consul, [
      create('good'),
      create('half\ud800'),
      create('large', new Uint8Array(512 * 1024 + 1)),
      { kind: 'update', key: 'held', value: LARGE, base: held },
      { kind: 'delete', key: 'held-too', base: held },
    ]);
    expect(outcome).toMatchObject({
      kind: 'rejected',
      rejections: [
        { key: 'half\ud800', reason: 'illegal-key' },
        { key: 'large', reason: 'too-large' },
        { key: 'held', reason: 'session-bound' },
        { key: 'held-too', reason: 'session-bound' },
      ],
    });
    expect(consul.peer.requests).toHaveLength(0);
  });

  it('a batch beyond the limits is a fault of the caller', async () => {
    const consul = await start(passed());
    const many = Array.from({ length: 64 }, (_, i) => create(`k${i}`));
    await expect(write(consul, many, LEDGER)).rejects.toThrow(RangeError);
    await expect(write(consul, [create('a', LARGE), create('b')])).rejects.toThrow(RangeError);
    expect(consul.peer.requests).toHaveLength(0);
  });

  it('a batch of nothing is applied without a request', async () => {
    const consul = await start('hang-up');
    expect(await write(consul, [])).toMatchObject({ kind: 'applied', ledger: undefined });
    expect(consul.peer.requests).toHaveLength(0);
  });
});

describe('a value too large for a transaction', () => {
  const readBack = (value: Uint8Array): ScriptedAnswer =>
    passed(entry('config/large', Buffer.from(value).toString('latin1'), 12));

  /** Answers the PUT of the value, and then the read of it. */
  const script =
    (put: ScriptedAnswer, read: ScriptedAnswer = 'hang-up'): Script =>
    (request) =>
      request.path === '/v1/txn' ? read : put;

  it('S3: is put under its condition, with its flags, and read back', async () => {
    const value = new Uint8Array(500_000).fill(65);
    const consul = await start(script({ body: 'true\n' }, readBack(value)));
    const outcome = await write(consul, [{ kind: 'update', key: 'large', value, base: base() }]);
    expect(outcome).toMatchObject({ kind: 'applied', ledger: undefined });
    expect(outcome.kind === 'applied' && outcome.versions.get('large')).toMatchObject({ modified: 12n });
    const [put] = consul.peer.requests;
    expect(put).toMatchObject({ method: 'PUT', path: '/v1/kv/config/large' });
    expect(put?.query.get('cas')).toBe('7');
    expect(put?.query.get('flags')).toBe('18446744073709551615');
    expect(put?.body.equals(value)).toBe(true);
  });

  it.each<[string, Script, WriteOutcome['kind']]>([
    ['a failed condition', script({ body: 'false' }), 'condition-failed'],
    ['a value changed since', script({ body: 'true' }, readBack(Buffer.from('other'))), 'unknown'],
    [
      'a value removed since',
      script({ body: 'true' }, failed([0, 'key "config/large" doesn\'t exist'])),
      'unknown',
    ],
    ['a read back that fails', script({ body: 'true' }, { status: 500 }), 'unknown'],
    ['a lost answer', script('hang-up'), 'unknown'],
    ['a strange answer', script({ body: 'null' }), 'unknown'],
    ['a missing leader', script({ status: 500, body: 'No cluster leader' }), 'retriable'],
    ['an unknown token', script({ status: 403, body: 'ACL not found' }), 'retriable'],
  ])('S7: %s ends as it must', async (_name, answers, kind) => {
    const consul = await start(answers);
    expect((await write(consul, [create('large', LARGE)])).kind).toBe(kind);
  });

  it.each<[number, string]>([
    [400, 'too-large'],
    [403, 'denied'],
    [413, 'too-large'],
  ])('L2: status %i rejects it as %s', async (status, reason) => {
    const consul = await start({ status, body: 'no' });
    expect(await write(consul, [create('large', LARGE)])).toMatchObject({
      kind: 'rejected',
      rejections: [{ key: 'large', reason }],
    });
  });

  it('S8: has no route under a key that a URL would change', async () => {
    const consul = await start(passed());
    expect(await write(consul, [create('a//large', LARGE)])).toMatchObject({
      kind: 'rejected',
      rejections: [
        { key: 'a//large', reason: 'too-large', detail: expect.stringContaining('URL') as string },
      ],
    });
    expect(consul.peer.requests).toHaveLength(0);
  });
});

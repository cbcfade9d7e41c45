import { afterEach, describe, expect, it, vi } from 'vitest';
import type { HintListener } from '../../../src/ports/replica.js';
import type { ReceivedRequest, ScriptedAnswer } from '../../kit/scripted-http-peer.js';
import { listed, scriptedConsul } from './scripted-consul.js';
import type { ScriptedConsul } from './scripted-consul.js';

const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface Watching extends ScriptedConsul {
  readonly hints: readonly string[];
  end(): Promise<void>;
}

async function watch(
  script: (request: ReceivedRequest, position: number) => ScriptedAnswer,
): Promise<Watching> {
  const consul = await scriptedConsul(script);
  const hints: string[] = [];
  const listener: HintListener = {
    changed: () => hints.push('changed'),
    stirred: () => hints.push('stirred'),
    saw: () => hints.push('saw'),
    rescan: (reason) => hints.push(reason),
    lost: () => hints.push('lost'),
  };
  const abort = new AbortController();
  const ended = consul.replica.watch(listener, abort.signal);
  const end = async () => {
    abort.abort();
    await ended;
  };
  cleanUps.push(() => consul.dispose(), end);
  return { ...consul, hints, end };
}

/** Answers blocking queries one after the other, and then none any more. */
function inTurn(...answers: readonly ScriptedAnswer[]) {
  return (_request: ReceivedRequest, position: number): ScriptedAnswer => answers[position] ?? 'silence';
}

const requested = async (watching: Watching, count: number) =>
  vi.waitFor(() => expect(watching.peer.requests.length).toBeGreaterThanOrEqual(count));

describe('watching a prefix', () => {
  it('L3: arms first, asks for a rescan, and tells of every new index', async () => {
    const watching = await watch(
      inTurn(listed(['config/'], 9), listed(['config/'], 12), listed(['config/'], 15)),
    );
    await requested(watching, 4);
    expect(watching.hints).toEqual(['start', 'stirred', 'stirred']);
    const [first, second] = watching.peer.requests;
    expect(first?.query.has('index')).toBe(false);
    expect(second?.query.get('index')).toBe('9');
    expect(second?.query.get('wait')).toMatch(/^\d+ms$/);
    expect(second?.path).toBe('/v1/kv/config');
  });

  it('L3: after a loss it arms again and asks for a rescan', async () => {
    const watching = await watch(
      inTurn(
        listed(['config/'], 9),
        'hang-up',
        { status: 500, body: 'No cluster leader' },
        listed(['config/'], 9),
      ),
    );
    await requested(watching, 5);
    expect(watching.hints).toEqual(['start', 'lost', 'lost', 'reconnect']);
    expect(watching.watched.map(({ kind }) => kind)).toEqual(['armed', 'lost', 'lost', 'armed']);
    expect(watching.peer.requests[2]?.query.has('index')).toBe(false);
  });

  it.each<[string, ScriptedAnswer]>([
    ['a success without an index', { body: '["config/"]' }],
    ['a 404 without an index', { status: 404 }],
    ['an index that is no number', { headers: { 'x-consul-index': 'none' }, body: '[]' }],
    ['a web page', { headers: { 'x-consul-index': '9' }, body: '<html>' }],
    [
      'an answer that breaks off',
      { truncated: '["config/"]', afterBytes: 4, headers: { 'x-consul-index': '9' } },
    ],
  ])('S5: %s is a lost watch, not news', async (_name, answer) => {
    const watching = await watch(inTurn(listed(['config/'], 9), answer));
    await vi.waitFor(() => expect(watching.watched).toHaveLength(2));
    await requested(watching, 3);
    expect(watching.hints).toEqual(['start', 'lost']);
    expect(watching.watched[1]).toMatchObject({
      kind: 'lost',
      error: { code: expect.stringMatching(/^STORE_/) as string },
    });
  });

  it('writes elsewhere that wake an empty prefix are told to nobody; its first and its last key are', async () => {
    const watching = await watch(
      inTurn(
        listed([], 9),
        listed([], 10),
        listed([], 11),
        listed(['config/'], 12),
        listed([], 13),
        listed([], 14),
      ),
    );
    await requested(watching, 7);
    expect(watching.hints).toEqual(['start', 'stirred', 'stirred']);
  });

  it('S8: a sibling that begins like the prefix stirs only if the prefix itself has moved', async () => {
    const siblings = ['config/', 'configuration/'];
    const rolledUp = inTurn(
      listed(siblings, 9),
      listed(siblings, 10),
      listed(siblings, 11),
      listed(siblings, 12),
    );
    const exact = [5, 5, 11, 11];
    let blocking = 0;
    const watching = await watch((request) =>
      request.path === '/v1/kv/config/'
        ? listed(['config/a'], exact.shift() ?? 0)
        : rolledUp(request, blocking++),
    );
    await vi.waitFor(() => expect(blocking).toBe(5));
    expect(watching.hints).toEqual(['start', 'stirred']);
    expect(exact).toEqual([]);
  });

  it('a token that may list the prefix but nothing shorter watches the prefix itself', async () => {
    const watching = await watch((request) => {
      if (request.path !== '/v1/kv/config/') return { status: 403, body: 'Permission denied' };
      return request.query.has('index') ? 'silence' : listed(['config/a'], 9);
    });
    await requested(watching, 3);
    expect(watching.hints).toEqual(['start']);
    expect(watching.peer.requests.map(({ path }) => path)).toEqual([
      '/v1/kv/config',
      '/v1/kv/config/',
      '/v1/kv/config/',
    ]);
  });

  it('ends when it is aborted, also in the middle of a query', async () => {
    const watching = await watch(inTurn(listed(['config/'], 9)));
    await requested(watching, 2);
    await watching.end();
    expect(watching.hints).toEqual(['start']);
  });
});

import { describe, expect, it } from 'vitest';
import type { Election } from '../../src/ports/election.js';
import { waitUntil } from './servers/wait-until.js';

export interface ElectionsUnderTest {
  /** Two daemons of one instance, and a third. */
  readonly elections: readonly [Election, Election, Election];
  /** Ends the session of one of them at the server, as if its daemon had been silent for too long. */
  expire(election: Election): Promise<void>;
  dispose(): Promise<void>;
}

const NEVER = new AbortController().signal;

/** What the queues of candidates promise, on whatever they are kept. */
export function electionContract(name: string, open: () => Promise<ElectionsUnderTest>): void {
  describe(`the election on ${name}`, () => {
    const test = (title: string, body: (subject: ElectionsUnderTest) => Promise<void>): void => {
      it(title, async () => {
        const subject = await open();
        try {
          await body(subject);
        } finally {
          await subject.dispose();
        }
      });
    };

    test('a queue nobody entered is empty, and can be left', async ({ elections: [a] }) => {
      await a.leave('config', NEVER);
      expect((await a.queues(['config', 'other'], NEVER)).get('config')).toEqual([]);
    });

    test('who came first is first, and all see the same order', async ({ elections: [a, b, c] }) => {
      for (const election of [b, a, c]) await election.enter('config', NEVER);
      for (const election of [a, b, c]) expect(await order(election)).toEqual([b, a, c].map(idOf));
      const [first, second] = (await a.queues(['config'], NEVER)).get('config') ?? [];
      const session = expect.any(String) as string;
      expect(first).toEqual({ member: b.self, mine: false, session });
      expect(second).toEqual({ member: a.self, mine: true, session });
    });

    test('entering twice takes one place', async ({ elections: [a, b] }) => {
      await a.enter('config', NEVER);
      await b.enter('config', NEVER);
      await a.enter('config', NEVER);
      expect(await order(b)).toEqual([a, b].map(idOf));
    });

    test('queues of different mappings have nothing to do with each other', async ({ elections: [a, b] }) => {
      await a.enter('one', NEVER);
      await b.enter('two', NEVER);
      const queues = await a.queues(['one', 'two'], NEVER);
      expect(queues.get('one')?.map(({ member }) => member.id)).toEqual([a.self.id]);
      expect(queues.get('two')?.map(({ member }) => member.id)).toEqual([b.self.id]);
    });

    test('who leaves is gone at once, the next in line is told, and a return is at the end', async ({
      elections: [a, b, c],
    }) => {
      for (const election of [a, b, c]) await election.enter('config', NEVER);
      const told = { b: 0, c: 0 };
      await b.queues(['config'], NEVER);
      await c.queues(['config'], NEVER);
      b.onChange(() => told.b++);
      c.onChange(() => told.c++);
      await a.leave('config', NEVER);
      expect(await order(c)).toEqual([b, c].map(idOf));
      await waitUntil('the next in line to be told', async () => told.b > 0);
      // Only the next one: a herd of candidates is not woken for one place.
      expect(told.c).toBe(0);
      await a.enter('config', NEVER);
      expect(await order(b)).toEqual([b, c, a].map(idOf));
    });

    test('a place ends with its session, and its holder finds that it has none', async ({
      elections: [a, b],
      expire,
    }) => {
      await a.enter('config', NEVER);
      await b.enter('config', NEVER);
      expect(await order(b)).toEqual([a, b].map(idOf));
      let told = 0;
      b.onChange(() => told++);
      await expire(a);
      await waitUntil('the place to be gone', async () => (await order(b)).length === 1);
      await waitUntil('the next in line to be told', async () => told > 0);
      await waitUntil('the former holder to see it', async () => {
        const queue = (await a.queues(['config'], NEVER)).get('config') ?? [];
        return queue.length === 1 && queue.every(({ mine }) => !mine);
      });
      await a.enter('config', NEVER);
      expect(await order(a)).toEqual([b, a].map(idOf));
    });
  });
}

async function order(election: Election): Promise<string[]> {
  const queue = (await election.queues(['config'], NEVER)).get('config') ?? [];
  return queue.map(({ member }) => member.id);
}

function idOf(election: Election): string {
  return election.self.id;
}

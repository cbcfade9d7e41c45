import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { addressesIn, watchesBelow, whoWatches } from '../../../src/zookeeper/watchers.js';

const NEVER = new AbortController().signal;
const WCHP =
  '/config/a\n\t0x100001\n\t0x1000a2\n/config\n\t0x100001\n/configuration\n\t0x1000b3\n/other\n\t0x1000b4\n';
const CONS =
  ' /10.0.0.7:51432[1](queued=0,recved=3,sent=3,sid=0x100001,lop=PING)\n' +
  ' /[0:0:0:0:0:0:0:1]:40000[1](queued=0,recved=1,sent=1,sid=0x1000A2,lop=NA)\n' +
  ' /10.0.0.9:40001[0](queued=0,recved=1,sent=0)\n';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that answers each word as said; undefined never answers. */
async function answering(answers: Readonly<Record<string, string>>): Promise<{ host: string; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (word) => {
      const answer = answers[word.toString()];
      if (answer !== undefined) socket.end(answer);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

const ask = (some: { host: string; port: number }[], timeoutMs = 300) =>
  whoWatches({ servers: some, path: '/config', ownSessions: ['0x1000a2'], timeoutMs }, NEVER);

describe('who watches', () => {
  it('is read from wchp: sessions with paths at or below the one that is asked for, whole segments only', () => {
    const expected = new Map([
      ['0x100001', 2],
      ['0x1000a2', 1],
    ]);
    expect(watchesBelow(WCHP, '/config')).toEqual(expected);
    expect(watchesBelow(WCHP, '').size).toBe(4);
    expect(addressesIn(CONS).get('0x1000a2')).toBe('[0:0:0:0:0:0:0:1]:40000');
  });

  it('is told with addresses, and without the session of the daemon itself', async () => {
    expect(await ask([await answering({ wchp: WCHP, cons: CONS })])).toEqual({
      sessions: [{ session: '0x100001', address: '10.0.0.7:51432', paths: 2 }],
      total: 1,
      untold: [],
    });
  });

  it('is asked of all servers, and those that do not tell are named with what to set (L2)', async () => {
    const silent = await answering({});
    const refusing = await answering({ wchp: 'wchp is not executed because it is not in the whitelist.\n' });
    const telling = await answering({ wchp: WCHP });
    const { sessions, untold } = await ask([silent, refusing, telling, { host: '127.0.0.1', port: 1 }]);
    expect(sessions).toEqual([{ session: '0x100001', address: undefined, paths: 2 }]);
    expect(untold).toHaveLength(3);
    expect(untold[0]).toContain('does not answer wchp: no whole answer within 300 ms');
    expect(untold[1]).toContain('add wchp and cons to 4lw.commands.whitelist');
    expect(untold[2]).toContain('127.0.0.1:1 does not answer wchp');
  });

  it('is not taken from an answer without a bound (S9)', async () => {
    const endless = await answering({ wchp: '/config\n\t0x1\n'.repeat(500_000) });
    const { total, untold } = await ask([endless], 10_000);
    expect(total).toBe(0);
    expect(untold[0]).toContain('its answer is above 4194304 bytes');
  });
});

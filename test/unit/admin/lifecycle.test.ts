import { once } from 'node:events';
import { Agent, get as httpGet } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { SyncError } from '../../../src/ports/errors.js';
import { runServer, send } from './running-server.js';

async function failureOf(starting: Promise<unknown>): Promise<SyncError> {
  const failure: unknown = await starting.catch((error: unknown) => error);
  if (!(failure instanceof SyncError)) throw new Error('it did not fail as it should');
  return failure;
}

describe('starting the admin server', () => {
  it('tells the address, and logs it', async () => {
    const { server, logger, get } = await runServer();
    expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(logger.lines[0]?.message).toBe(`The admin server listens on ${server.address}.`);
    expect((await get('/livez')).status).toBe(200);
  });

  it('says which address is taken by another program, and what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const failure = await failureOf(runServer({ port }));
    expect(failure.code).toBe('LISTEN_FAILED');
    expect(failure.message).toBe(
      `the admin server could not listen on 127.0.0.1:${port} (admin.listen): another program listens there. ` +
        'Stop it, or set another port',
    );
    expect(failure.cause).toMatchObject({ code: 'EADDRINUSE' });
    other.close();
  });

  it('says when this machine does not have the address', async () => {
    // TEST-NET-1: belongs to no machine.
    const failure = await failureOf(runServer({ host: '192.0.2.1' }));
    expect(failure.message).toContain('192.0.2.1:0 (admin.listen): this machine does not have that address');
  });
});

describe('closing the admin server', () => {
  it('answers what still runs, and frees the port', async () => {
    const { server, control, post } = await runServer();
    control.config.behaviour = () => new Promise(() => undefined);
    const answer = post('/api/v1/mappings/config/resync', { from: 'merge' });
    await vi.waitFor(() => expect(control.config.calls).toHaveLength(1));
    await server.close();
    expect(await answer).toMatchObject({ status: 503, json: { code: 'SHUTTING_DOWN' } });
    const { port } = new URL(server.address);
    await expect(runServer({ port: Number(port) })).resolves.toBeDefined();
  });

  it('does not wait for connections that are kept alive', async () => {
    const { server, url } = await runServer();
    const agent = new Agent({ keepAlive: true });
    const [response] = (await once(httpGet(`${url}/livez`, { agent }), 'response')) as [IncomingMessage];
    await once(response.resume(), 'end');
    const startedMs = performance.now();
    await server.close();
    expect(performance.now() - startedMs).toBeLessThan(1_500);
    agent.destroy();
  });

  it('waits 2 s at most for a client that does not send its request to the end', async () => {
    const { server, url } = await runServer();
    const { port } = new URL(url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write('POST /api/v1/mappings/config/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n');
    await send(url, 'GET', '/livez');
    await server.close();
    await once(socket, 'close');
  });

  it('can be asked for twice', async () => {
    const { server } = await runServer();
    await Promise.all([server.close(), server.close()]);
  });
});

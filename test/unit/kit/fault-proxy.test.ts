import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultProxy } from '../../kit/fault-proxy.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

const MIB = 1024 * 1024;

/** One end of a connection, and what has come of it so far. */
class End {
  readonly chunks: Buffer[] = [];
  hasEnded = false;
  error: string | undefined;
  isClosed = false;

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.chunks.push(chunk));
    socket.once('end', () => (this.hasEnded = true));
    socket.once('error', (error: NodeJS.ErrnoException) => (this.error = error.code));
    socket.once('close', () => (this.isClosed = true));
  }

  get received(): string {
    return Buffer.concat(this.chunks).toString();
  }

  async toReceive(text: string): Promise<void> {
    await waitUntil(`${text} to arrive`, () => this.received === text);
  }

  async toClose(): Promise<void> {
    await waitUntil('the connection to close', () => this.isClosed);
  }
}

/** A server that keeps the ends of its connections. */
class Peer {
  readonly ends: End[] = [];
  readonly port: number;

  private constructor(private readonly server: Server) {
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.ends.push(new End(socket)));
  }

  static async start(): Promise<Peer> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Peer(server);
  }

  async end(number: number): Promise<End> {
    return waitUntil(`connection ${number}`, () => this.ends[number]);
  }

  async close(): Promise<void> {
    for (const { socket } of this.ends) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

describe('a fault proxy', () => {
  let peer: Peer;
  let proxy: FaultProxy;
  let clients: End[];

  beforeEach(async () => {
    peer = await Peer.start();
    proxy = await FaultProxy.start(peer);
    clients = [];
  });
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy();
    await proxy.close();
    await peer.close();
  });

  function dial(): End {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    const client = new End(socket);
    clients.push(client);
    return client;
  }

  /** A connection over which bytes have gone both ways. */
  async function established(): Promise<{ client: End; server: End }> {
    const client = dial();
    const server = await peer.end(peer.ends.length);
    client.socket.write('hello');
    server.socket.write('welcome');
    await server.toReceive('hello');
    await client.toReceive('welcome');
    client.chunks.length = 0;
    server.chunks.length = 0;
    return { client, server };
  }

  it('without a fault passes bytes and ends in both directions, each by itself', async () => {
    const { client, server } = await established();
    client.socket.end('last request');
    await server.toReceive('last request');
    await waitUntil('the end', () => server.hasEnded);
    server.socket.end('last answer');
    await client.toReceive('last answer');
    await client.toClose();
    expect([client.error, server.error]).toEqual([undefined, undefined]);
    expect(proxy.accepted).toBe(1);
  });

  it('passes a reset on', async () => {
    const { client, server } = await established();
    server.socket.resetAndDestroy();
    await client.toClose();
    expect(client.error).toBe('ECONNRESET');
  });

  it('resets a connection whose server is not there', async () => {
    await peer.close();
    const client = dial();
    await client.toClose();
    expect(client.error).toBe('ECONNRESET');
    peer = await Peer.start();
  });

  it('that refuses ends the connections there are and lets nobody in, until it is lifted', async () => {
    const { client, server } = await established();
    await proxy.set({ kind: 'refuse' });
    await Promise.all([client.toClose(), server.toClose()]);
    const refused = dial();
    await refused.toClose();
    expect(refused.error).toBe('ECONNREFUSED');
    await proxy.lift();
    await established();
  });

  it('that cuts resets what is there, once', async () => {
    const { client, server } = await established();
    await proxy.set({ kind: 'cut' });
    await Promise.all([client.toClose(), server.toClose()]);
    expect([client.error, server.error]).toEqual(['ECONNRESET', 'ECONNRESET']);
    await established();
  });

  it.each(['upstream', 'downstream'] as const)(
    'with half a cut holds back what goes %s alone, until it is lifted',
    async (stops) => {
      const { client, server } = await established();
      const [held, free] = stops === 'upstream' ? [client, server] : [server, client];
      await proxy.set({ kind: 'half-cut', stops });
      held.socket.write('held');
      free.socket.write('free');
      await held.toReceive('free');
      expect(free.received).toBe('');
      await proxy.lift();
      await free.toReceive('held');
    },
  );

  it('as a black hole accepts connections and passes nothing, not even their end, until it is lifted', async () => {
    const { client, server } = await established();
    await proxy.set({ kind: 'black-hole' });
    client.socket.end('held');
    server.socket.write('held too');
    const late = dial();
    late.socket.write('late');
    const lateServer = await peer.end(1);
    // What goes through another proxy to the same server has arrived by then, and so would this have.
    const other = await FaultProxy.start(peer);
    const witness = new End(connect({ port: other.port, host: '127.0.0.1' }));
    clients.push(witness);
    witness.socket.write('free');
    await (await peer.end(2)).toReceive('free');
    await other.close();
    expect([client.received, server.received, lateServer.received, server.hasEnded]).toEqual([
      ...['', '', ''],
      false,
    ]);

    await proxy.lift();
    await server.toReceive('held');
    await client.toReceive('held too');
    await lateServer.toReceive('late');
    await waitUntil('the end', () => server.hasEnded);
  });

  it('as a black hole takes in no more than it may, and loses nothing of it', async () => {
    const { client, server } = await established();
    await proxy.set({ kind: 'black-hole' });
    const sent = 64 * MIB;
    let written = 0;
    while (client.socket.writableLength < 8 * MIB && written < sent) {
      client.socket.write(Buffer.alloc(MIB, written / MIB));
      written += MIB;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written, 'some of it was never taken').toBeLessThan(sent);
    await proxy.lift();
    await waitUntil(
      'all of it',
      () => server.chunks.reduce((sum, { length }) => sum + length, 0) === written,
    );
    const received = Buffer.concat(server.chunks);
    for (let at = 0; at < written; at += MIB) expect(received[at]).toBe(at / MIB);
  });

  it('with a delay passes everything on that much later, in order', async () => {
    const { client, server } = await established();
    await proxy.set({ kind: 'delay', delayMs: 150 });
    const sentMs = performance.now();
    for (const part of ['a', 'b', 'c']) client.socket.write(part);
    client.socket.end();
    await waitUntil('the first', () => server.received !== '');
    expect(performance.now() - sentMs).toBeGreaterThanOrEqual(149);
    await server.toReceive('abc');
    await waitUntil('the end', () => server.hasEnded);
  });

  it('refuses a delay that has no bound', async () => {
    await expect(proxy.set({ kind: 'delay', delayMs: Infinity })).rejects.toThrow(RangeError);
    await established();
  });

  it.each(['upstream', 'downstream'] as const)(
    'that cuts in the middle of a frame lets so many bytes %s, breaks that connection, and no other',
    async (direction) => {
      const { client, server } = await established();
      const [sender, receiver] = direction === 'upstream' ? [client, server] : [server, client];
      await proxy.set({ kind: 'mid-frame', direction, bytes: 7 });
      sender.socket.write('a frame of its own');
      await waitUntil('the end', () => receiver.hasEnded);
      expect(receiver.received).toBe('a frame');
      await sender.toClose();
      expect(sender.error).toBe('ECONNRESET');
      await established();
    },
  );

  it('that cuts in the middle of a frame waits for the frame, over several writes if need be', async () => {
    const { client, server } = await established();
    await proxy.set({ kind: 'mid-frame', direction: 'upstream', bytes: 4 });
    client.socket.write('abc');
    await server.toReceive('abc');
    expect(server.hasEnded).toBe(false);
    client.socket.write('def');
    await waitUntil('the end', () => server.hasEnded);
    expect(server.received).toBe('abcd');
  });

  it('that is switched resets what is there, and passes new connections to another server', async () => {
    const { client } = await established();
    const other = await Peer.start();
    proxy.switchTo(other);
    await client.toClose();
    dial().socket.write('hello');
    await (await other.end(0)).toReceive('hello');
    await other.close();
  });
});

import { ZooKeeperClient, type ClientOptions, type Reply } from './client-seam.js';
import { ReconnectBackoff } from './reconnect-backoff.js';
import { type WireRequest } from './protocol.js';
import { addWatchRequest, multiReadRequest } from './requests.js';
import { STATUS } from './zookeeper-errors.js';

/** What a server can do beyond the protocol of 3.4. */
export interface Capabilities {
  /** Op 22: many nodes read by one request. */
  readonly multiRead: boolean;
  /** Op 106: one watch for a whole subtree, which stays armed. */
  readonly persistentWatch: boolean;
}

export const NO_CAPABILITIES: Capabilities = { multiRead: false, persistentWatch: false };

/** A node that every server has and that never changes, so that the probing watch gives no events. */
const PROBED_PATH = '/zookeeper';

/**
 * Asks a server what it can do, on a connection of its own: a server that doesn't know an op code answers
 * UNIMPLEMENTED and closes the connection (measured with 3.4.13), which would take the user's requests with it.
 * @param options of the connection, naming the one server to ask
 * @returns undefined when there was no clear answer in time
 */
export async function probeCapabilities(
  options: ClientOptions,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Capabilities | undefined> {
  const over = new AbortController();
  const stop = () => over.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  let capabilities: Capabilities | undefined;
  const backoff = new ReconnectBackoff(options.servers.length, { next: () => 0 });
  const client = new ZooKeeperClient(
    { ...options, backoff },
    {
      onReady: () => {
        void ask(client).then((answer) => {
          capabilities = answer;
          stop();
        });
      },
      onLost: stop,
      onEnded: stop,
      onEvent: () => undefined,
    },
  );
  client.start();
  await options.clock.sleep(timeoutMs, over.signal);
  signal.removeEventListener('abort', stop);
  await client.shutDown();
  return capabilities;
}

async function ask(client: ZooKeeperClient): Promise<Capabilities | undefined> {
  const multiRead = await isKnown(client, multiReadRequest('getData', [PROBED_PATH]));
  // The connection of a server that didn't know the first is gone; addWatch came with the same release, 3.6.
  if (multiRead === undefined) return undefined;
  if (!multiRead) return NO_CAPABILITIES;
  const persistentWatch = await isKnown(client, addWatchRequest(PROBED_PATH));
  return persistentWatch === undefined ? undefined : { multiRead, persistentWatch };
}

async function isKnown(client: ZooKeeperClient, request: WireRequest): Promise<boolean | undefined> {
  const reply = await new Promise<Reply>((resolve) => client.send(request, resolve));
  if (reply.kind !== 'reply') return undefined;
  return reply.status !== STATUS.unimplemented;
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { dig } from '../../kit/servers/found-discovery-clients.js';

/** What `dig` is told by a Consul server, in a fixed order. */
export async function ask(server: ConsulServer, question: readonly string[]): Promise<readonly string[]> {
  const { program, environment } = dig();
  const parameters = ['@127.0.0.1', '-p', String(server.dnsPort), '+short', ...question];
  const { stdout } = await promisify(execFile)(program, parameters, {
    env: { ...process.env, ...environment },
  });
  return stdout.split('\n').filter(Boolean).sort();
}

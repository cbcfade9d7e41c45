import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { consulBinary } from '../../kit/servers/found-servers.js';
import { entriesOf, type Shape } from '../entries.js';
import { CONSUL_PREFIX } from '../stores.js';

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 2 ** 30;

/** A file as `consul kv export` writes it. */
export async function writeExportFile(file: string, count: number, shape: Shape): Promise<void> {
  const lines: string[] = [];
  for (const { key, value } of entriesOf(count, shape)) {
    lines.push(JSON.stringify({ key: CONSUL_PREFIX + key, flags: 0, value: value.toString('base64') }));
  }
  await writeFile(file, `[${lines.join(',\n')}]\n`);
}

/** The tool that comes with Consul, with a file that is ready. */
export async function kvImport(file: string, { address }: ConsulServer): Promise<void> {
  await run(consulBinary(), ['kv', 'import', `-http-addr=${address}`, `@${file}`], {
    maxBuffer: OUTPUT_BYTES_MAX,
  });
}

/** The reading half of a copy to ZooKeeper, and no more. */
export async function kvExport({ address }: ConsulServer): Promise<void> {
  await run(consulBinary(), ['kv', 'export', `-http-addr=${address}`, CONSUL_PREFIX], {
    maxBuffer: OUTPUT_BYTES_MAX,
  });
}

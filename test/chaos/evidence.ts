import { copyFile, cp, lstat, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChaosStage } from './chaos-stage.js';
import type { ChaosResult } from './run-chaos.js';

/** Copies what tells how it came about: logs of daemons and servers, archives, histories, and the course of events. */
export async function keepEvidence(folder: string, stage: ChaosStage, result: ChaosResult): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'events.txt'), `${result.events.join('\n')}\n`);
  await writeFile(join(folder, 'violations.json'), toJson(result.violations));
  await writeFile(join(folder, 'histories.json'), toJson(result.histories));
  await writeFile(join(folder, 'ledgers.json'), toJson(result.ledgers));
  for (const [number, { process }] of stage.daemons.entries()) {
    await cp(process.directory, join(folder, `daemon-${number}`), {
      recursive: true,
      // A socket, by which a process shows that it has the archive, can't be copied.
      filter: async (source) => !(await lstat(source)).isSocket(),
    });
  }
  for (const [number, { logFile }] of stage.zookeeper.entries()) {
    await copyFile(logFile, join(folder, `zookeeper-${number}.log`));
  }
  for (const [number, { logFile }] of [...stage.consul.servers, stage.consul.agent].entries()) {
    await copyFile(logFile, join(folder, `consul-${number}.log`));
  }
}

/** With maps as objects, sets as lists, and 64-bit numbers as text. */
function toJson(value: unknown): string {
  const plain = (_: string, each: unknown): unknown => {
    if (each instanceof Map) return Object.fromEntries(each) as unknown;
    if (each instanceof Set) return [...each] as unknown[];
    if (each === Infinity) return 'never';
    return typeof each === 'bigint' ? String(each) : each;
  };
  return `${JSON.stringify(value, plain, 1)}\n`;
}

import { readFile } from 'node:fs/promises';

export interface Usage {
  /** User and system time, in milliseconds; the kernel counts in steps of ten. */
  readonly cpuMs: number;
  /** Whatever came in by reads, from sockets too; pages of mapped files are not in it. */
  readonly readBytes: number;
}

const TICK_MS = 10;

/** What a process has used since it began (proc(5)). */
export async function usageOf(pid: number): Promise<Usage> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name of the program, in parentheses, may have spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const io = await readFile(`/proc/${pid}/io`, 'utf8');
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    readBytes: Number(/^rchar: (\d+)$/m.exec(io)?.[1]),
  };
}

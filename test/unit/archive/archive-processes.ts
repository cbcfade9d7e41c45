import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./archive-process.ts', import.meta.url));
/** A process may need this long to start on a loaded machine. */
const DEADLINE_MS = 60_000;

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A process that does something with an archive (archive-process.ts), and can be killed in the middle of it. */
export class ArchiveProcess {
  readonly exit: Promise<Exit>;
  private readonly lines: string[] = [];
  private readonly child: ChildProcess;
  private readonly waiting: (() => void)[] = [];
  private hasEnded = false;

  /** @param prefix a command that runs the process, such as a shell that sets its limits */
  constructor(args: readonly string[], prefix: readonly string[] = []) {
    const [command = '', ...rest] = [...prefix, process.execPath, '--import', 'tsx', SCRIPT, ...args];
    this.child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stderr = '';
    this.child.stderr?.on('data', (part: Buffer) => (stderr += part.toString()));
    if (this.child.stdout !== null) {
      createInterface(this.child.stdout).on('line', (line) => {
        this.lines.push(line);
        this.wake();
      });
    }
    this.exit = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        this.hasEnded = true;
        this.wake();
        resolve({ code, signal, stderr });
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** All lines that it printed so far. */
  printed(): readonly string[] {
    return this.lines;
  }

  /** Waits until it has printed at least `count` lines. */
  async line(count: number): Promise<string> {
    for (;;) {
      const line = this.lines[count - 1];
      if (line !== undefined) return line;
      if (this.hasEnded) throw new Error(`the process ended early: ${JSON.stringify(await this.exit)}`);
      await this.news();
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Tells it to end by itself. */
  async end(): Promise<Exit> {
    this.child.stdin?.end();
    return this.exit;
  }

  private news(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the process prints nothing')), DEADLINE_MS);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

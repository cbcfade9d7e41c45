import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { waitUntil } from '../servers/wait-until.js';
import { watchdog } from '../servers/watchdog.js';

/** In Perl, which every Debian has: Node has no Unix datagram sockets. One line for each datagram. */
const PROGRAM = String.raw`
  $| = 1;
  my $path = $ARGV[0];
  $path =~ s/^@/\0/;
  socket(my $socket, PF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
  bind($socket, sockaddr_un($path)) or die "bind: $!";
  print "listening\n";
  while (defined recv($socket, my $message, 65536, 0)) { $message =~ s/\n/\t/g; print "$message\n"; }
`;

/** Listens as systemd does to what it has started. */
export class NotifyReceiver {
  private text = '';

  private constructor(
    readonly address: string,
    private readonly child: ChildProcessByStdio<null, Readable, null>,
  ) {
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.text += text));
  }

  /** @param address a path, or the name of an abstract socket behind `@` */
  static async listen(address: string): Promise<NotifyReceiver> {
    const child = spawn('perl', ['-MSocket', '-e', PROGRAM, address], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (child.pid !== undefined) watchdog.guardProcess(child.pid);
    const receiver = new NotifyReceiver(address, child);
    await waitUntil('the receiver to listen', () => receiver.text.startsWith('listening\n'));
    return receiver;
  }

  /** The assignments of each datagram so far. systemd-notify's own questions are left out. */
  get messages(): string[][] {
    const lines = this.text.split('\n').slice(1, -1);
    return lines.map((line) => line.split('\t').filter(Boolean)).filter(([first]) => first !== 'BARRIER=1');
  }

  /** All assignments so far, in the order in which they came. */
  get assignments(): string[] {
    return this.messages.flat();
  }

  async heard(assignment: string | RegExp, timeoutMs = 20_000): Promise<string> {
    return waitUntil(
      `${String(assignment)} to be sent`,
      () =>
        this.assignments.find((one) =>
          typeof assignment === 'string' ? one === assignment : assignment.test(one),
        ),
      { timeoutMs },
    );
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}

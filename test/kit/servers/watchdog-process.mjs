// Kills what is left behind when the process that feeds its stdin is gone, however it went. One line per order:
// `+kill PID`, `-kill PID`, `+remove FOLDER`, `-remove FOLDER`.
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const doomed = { kill: new Set(), remove: new Set() };

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [, sign, verb, subject] = /^([+-])(kill|remove) (.+)$/.exec(line);
    if (sign === '+') doomed[verb].add(subject);
    else doomed[verb].delete(subject);
  })
  .on('close', () => {
    for (const pid of doomed.kill) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    for (const folder of doomed.remove) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

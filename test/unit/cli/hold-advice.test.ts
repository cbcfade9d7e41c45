import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { holdAdvice } from '../../../src/admin/hold-advice.js';
import { holdCommandLine } from '../../../src/cli/hold-command-line.js';
import { ScriptedHttpPeer } from '../../kit/scripted-http-peer.js';
import { runCaptured } from './captured-run.js';

/** The arguments that a shell makes of a command line. */
function argumentsOf(commandLine: string): string[] {
  const listed = commandLine.replace(/^zk-consul-sync/, "printf '%s\\0'");
  return execFileSync('bash', ['-c', listed], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

describe('what can be done about a hold', () => {
  it.each([
    ['mass-deletion', ['approve']],
    ['mass-conflict', ['approve']],
    ['identity-changed', ['resync', 'resync', 'resync']],
    ['rolled-back', ['resync', 'resync', 'resync']],
    ['archive-lost', ['resync', 'resync', 'resync']],
    ['mapped-twice', []],
    ['conflict', ['release', 'release']],
    ['oscillating', ['release', 'release']],
    ['copy-modified', ['release', 'release']],
    ['journal-full', []],
  ])('is said for %s', (reason, commands) => {
    const advice = holdAdvice(reason);
    expect(advice?.first.length).toBeGreaterThan(20);
    expect(advice?.commands.map(({ command }) => command)).toEqual(commands);
  });

  it('is not made up for a reason of a later version', () => {
    expect(holdAdvice('new-reason')).toBeUndefined();
    expect(holdAdvice('toString')).toBeUndefined();
  });
});

describe('the command that ends a hold', () => {
  const [, keepConsul] = holdAdvice('oscillating')?.commands ?? [];

  it('reaches the entry by any key, as a shell takes the line apart and the command its words', async () => {
    for (const key of [
      'a/b',
      "it's",
      '$(touch x) `y` "z" \\',
      'two\nlines\n',
      'c1\x9b \u202e 😀',
      '-x',
      '',
    ]) {
      const peer = await ScriptedHttpPeer.start(() => ({ status: 500 }));
      const line = holdCommandLine(['--admin', peer.address.href], 'config', key, keepConsul!);
      expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      const words = argumentsOf(line);
      expect(words).toContain(key);
      const [name = '', ...others] = words;
      await runCaptured([name, '--yes', ...others]);
      expect(peer.requests[0]?.path, line).toBe('/api/v1/mappings/config');
      await peer.dispose();
    }
  });

  it('names the daemon as the status was asked for', () => {
    const [approve] = holdAdvice('mass-deletion')!.commands;
    expect(holdCommandLine([], 'config', null, approve!)).toBe('zk-consul-sync approve config');
    expect(
      argumentsOf(holdCommandLine(['--config', '/etc/my config.yaml'], 'config', null, approve!)),
    ).toEqual(['approve', 'config', '--config', '/etc/my config.yaml']);
  });
});

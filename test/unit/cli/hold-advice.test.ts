import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { holdAdvice } from '../../../src/admin/hold-advice.js';
import { curlCommand } from '../../../src/cli/curl-command.js';

const URL_HERE = 'http://127.0.0.1:9464';

/** The arguments that a shell makes of a command. */
function argumentsOf(command: string, environment: Record<string, string> = {}): string[] {
  const listed = command.replace(/^curl/, "printf '%s\\n'");
  return execFileSync('sh', ['-c', listed], { encoding: 'utf8', env: { ...process.env, ...environment } })
    .trimEnd()
    .split('\n');
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
  ])('is said for %s', (reason, actions) => {
    const advice = holdAdvice(reason);
    expect(advice?.first.length).toBeGreaterThan(20);
    expect(advice?.requests.map(({ action }) => action)).toEqual(actions);
  });

  it('is not made up for a reason of a later version', () => {
    expect(holdAdvice('new-reason')).toBeUndefined();
    expect(holdAdvice('toString')).toBeUndefined();
  });
});

describe('the request that ends a hold', () => {
  const [keepZooKeeper] = holdAdvice('oscillating')?.requests ?? [];

  it('reaches the daemon with any key, as the shell takes it apart', () => {
    for (const key of ['a/b', "it's", '$(touch x) `y` "z" \\', 'two\nlines', 'c1\x9b \u202e', '']) {
      const command = curlCommand(URL_HERE, 'config', key, keepZooKeeper!);
      const words = argumentsOf(command);
      expect(words.at(-1)).toBe(`${URL_HERE}/api/v1/mappings/config/release`);
      expect(JSON.parse(words.at(-2) ?? '')).toEqual({ key, keep: 'zookeeper' });
      expect(command).not.toMatch(/\p{C}/u);
    }
  });

  it('takes the token from the environment where the daemon is not on this machine', () => {
    const command = curlCommand(
      'http://sync.internal:9464',
      'config',
      null,
      holdAdvice('mass-deletion')!.requests[0]!,
    );
    expect(argumentsOf(command, { ZK_CONSUL_SYNC_ADMIN_TOKEN: 'from-environment' })).toContain(
      'Authorization: Bearer from-environment',
    );
    for (const local of [URL_HERE, 'http://localhost:1', 'http://[::1]:9464']) {
      expect(curlCommand(local, 'config', 'a', keepZooKeeper!)).not.toContain('Bearer');
    }
  });
});

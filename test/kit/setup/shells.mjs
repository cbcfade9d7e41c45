// The shells whose completion scripts are tried, beside bash. Same form as in real-servers.mjs.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { onPath } from './machine.mjs';

/** The tests of completion need them, and will say so. Nothing else does. */
export const SHELLS = [
  {
    name: 'zsh',
    find: (env) => (env.ZSH_BIN ? resolve(env.ZSH_BIN) : onPath('zsh')),
    findUnpacked: (folder) => existing(join(folder, 'bin/zsh')) ?? existing(join(folder, 'usr/bin/zsh')),
    suite: 'bookworm',
    packages: ['zsh', 'zsh-common'],
    optional: true,
    advice: 'install zsh (5.8 or later), or set ZSH_BIN to it',
  },
  {
    name: 'fish',
    find: (env) => (env.FISH_BIN ? resolve(env.FISH_BIN) : onPath('fish')),
    findUnpacked: (folder) => existing(join(folder, 'usr/bin/fish')),
    suite: 'bookworm',
    packages: ['fish', 'fish-common', 'libpcre2-32-0'],
    optional: true,
    advice: 'install fish (3.6 or later), or set FISH_BIN to it',
  },
];

function existing(file) {
  return existsSync(file) ? file : undefined;
}

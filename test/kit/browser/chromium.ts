import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { chromiumBinary } from '../servers/found-servers.js';

/** Debian's Chromium without a window, as the set-up found or unpacked it. */
export function startChromium(): Promise<Browser> {
  const executablePath = chromiumBinary();
  const libraries = librariesBeside(executablePath);
  return chromium.launch({
    executablePath,
    // Its own sandbox needs privileges that containers don't give, and it sees pages of this project only.
    chromiumSandbox: false,
    args: ['--disable-gpu', '--font-render-hinting=none'],
    ...(libraries.length > 0 && { env: { ...process.env, LD_LIBRARY_PATH: libraries.join(':') } }),
  });
}

/** Those that were unpacked with it: `usr/lib/chromium` has `usr/lib/ARCHITECTURE` and `lib/ARCHITECTURE` beside it. */
function librariesBeside(executable: string): readonly string[] {
  const usrLib = dirname(dirname(executable));
  if (!existsSync(join(usrLib, '..', 'share', 'doc', 'chromium-headless-shell'))) return [];
  if (usrLib === '/usr/lib') return [];
  return [usrLib, join(usrLib, '..', '..', 'lib')]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.includes('-linux-'))
        .map((name) => join(folder, name)),
    )
    .flatMap((folder) => [folder, join(folder, 'pulseaudio')]);
}

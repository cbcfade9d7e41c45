// Takes the pictures of the status page that the documents show: `npm run screenshots`.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { startChromium } from './chromium.js';
import { heldMapping, noMappings, oneMapping, twentyMappings } from './scenes.js';
import { stagePage } from './staged-page.js';
import type { StagedPage } from './staged-page.js';

const IMAGES = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const DESKTOP = { width: 1_280, height: 900 };
const PHONE = { width: 390, height: 844 };

interface Shot {
  readonly name: string;
  readonly scene: (page: StagedPage, nowMs: number) => void;
  readonly size: { readonly width: number; readonly height: number };
  readonly dark?: boolean;
  readonly hash?: string;
  readonly openConflict?: boolean;
  readonly fullPage?: boolean;
}

/** Those that documents show. With a folder as argument, all states are taken, to be looked at. */
const SHOWN: readonly Shot[] = [
  { name: 'status-page', scene: heldMapping, size: DESKTOP },
  {
    name: 'status-page-dark',
    scene: oneMapping,
    size: DESKTOP,
    dark: true,
    openConflict: true,
    fullPage: true,
  },
  { name: 'status-page-many', scene: twentyMappings, size: DESKTOP, hash: '#mapping=orders' },
  { name: 'status-page-phone', scene: heldMapping, size: PHONE },
];
const OTHERS: readonly Shot[] = [
  { name: 'one-light', scene: oneMapping, size: DESKTOP, openConflict: true, fullPage: true },
  { name: 'one-phone', scene: oneMapping, size: PHONE, openConflict: true, fullPage: true },
  { name: 'held-dark', scene: heldMapping, size: DESKTOP, dark: true, fullPage: true },
  { name: 'many-list-phone', scene: twentyMappings, size: PHONE, fullPage: true },
  { name: 'many-list', scene: twentyMappings, size: DESKTOP },
  { name: 'many-standby', scene: twentyMappings, size: DESKTOP, hash: '#mapping=fraud' },
  { name: 'many-phone', scene: twentyMappings, size: PHONE, hash: '#mapping=orders' },
  { name: 'none', scene: noMappings, size: DESKTOP },
  { name: 'none-phone', scene: noMappings, size: PHONE, dark: true },
];

const [folder] = process.argv.slice(2);
const into = folder ?? IMAGES;
mkdirSync(into, { recursive: true });
const browser = await startChromium();
try {
  for (const shot of folder === undefined ? SHOWN : [...SHOWN, ...OTHERS]) await take(shot, browser);
} finally {
  await browser.close();
}

async function take(shot: Shot, browser: Browser): Promise<void> {
  const { name, scene, size, dark = false, hash = '', openConflict = false, fullPage = false } = shot;
  const staged = await stagePage();
  const context = await browser.newContext({
    viewport: size,
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    timezoneId: 'UTC',
  });
  try {
    scene(staged, Date.now());
    const page = await context.newPage();
    await page.goto(`${staged.url}/${hash}`);
    await page.getByText('Live', { exact: true }).waitFor();
    if (openConflict) {
      await page.locator('summary').first().click();
      await page.locator('.diff').waitFor();
    }
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(into, `${name}.png`), fullPage });
  } finally {
    await context.close();
    await staged.server.close();
  }
}

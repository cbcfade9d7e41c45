import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { startChromium } from '../../kit/browser/chromium.js';
import { stagePage } from '../../kit/browser/staged-page.js';
import type { StagedPage } from '../../kit/browser/staged-page.js';

/** Beside other tests a browser may take its time. */
const WAIT_MS = 20_000;

export interface OpenedPage {
  readonly page: Page;
  /** What the browser complained of: errors of scripts, and all that the content security policy forbade. */
  readonly complaints: string[];
  /** Addresses that were asked for. */
  readonly requested: string[];
}

/** One browser for a file's tests, with a fresh context for each page. */
export function useBrowser() {
  let browser: Browser;
  const cleanUps: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });
  afterAll(() => browser.close());

  const open = async (url: string, options: BrowserContextOptions = {}): Promise<OpenedPage> => {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    cleanUps.push(() => context.close());
    context.setDefaultTimeout(WAIT_MS);
    const page = await context.newPage();
    const complaints: string[] = [];
    const requested: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('request', (request) => requested.push(request.url()));
    await page.goto(url);
    return { page, complaints, requested };
  };
  const stage = async (
    scene: (staged: StagedPage, nowMs: number) => void = () => undefined,
    options: Parameters<typeof stagePage>[0] = {},
  ): Promise<StagedPage> => {
    const staged = await stagePage(options);
    cleanUps.push(() => staged.server.close());
    scene(staged, Date.now());
    return staged;
  };
  return { open, stage };
}

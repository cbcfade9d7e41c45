import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { describe, expect, it, vi } from 'vitest';
import { heldMapping, noMappings, oneMapping, twentyMappings } from '../../kit/browser/scenes.js';
import { stagePage } from '../../kit/browser/staged-page.js';
import { daemonStatus, journalEntry, mappingStatus, writtenEntry } from '../../unit/admin/fake-control.js';
import { useBrowser } from './opened-page.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TOKEN = 'a-token-of-the-test';

const { open, stage } = useBrowser();

async function violations(page: Page): Promise<unknown[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate<AxeResults>('axe.run(document, { resultTypes: ["violations"] })');
  return found.violations.map(({ id, nodes }) => ({ id, at: nodes.map((node) => node.html.slice(0, 160)) }));
}

describe('the status page', () => {
  it('shows a mapping with all that is known of it, from this server alone, and nothing complains', async () => {
    const { url } = await stage(oneMapping);
    const { page, complaints, requested } = await open(url);
    await page.getByRole('heading', { name: 'config' }).waitFor();
    await page.getByText('in sync', { exact: false }).first().waitFor();
    await page.getByText('1,648').waitFor();
    await page.getByRole('img', { name: /^Writes per second over the last hour: to Consul last/ }).waitFor();
    await page.getByRole('cell', { name: 'reports/2026-q1.parquet' }).waitFor();
    await page.getByRole('cell', { name: 'checkout/old-provider' }).waitFor();
    expect(requested.filter((address) => !address.startsWith(`${url}/`))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('lists many mappings, those in trouble first, and goes from one to the other by links', async () => {
    const { url } = await stage(twentyMappings);
    const { page, complaints } = await open(url);
    const links = page.getByRole('navigation', { name: 'Mappings' }).getByRole('link');
    await expect.poll(() => links.count()).toBe(20);
    expect(await links.first().textContent()).toContain('orders');
    await page.getByLabel('Filter mappings by name').fill('PRIC');
    await expect.poll(() => links.count()).toBe(1);
    await links.first().click();
    await page.getByRole('heading', { name: 'pricing' }).waitFor();
    expect(new URL(page.url()).hash).toBe('#mapping=pricing');
    await page.goBack();
    await page.getByText('Choose a mapping').waitFor();
    expect(complaints).toEqual([]);
  });

  it('says so when there is no mapping', async () => {
    const { url } = await stage(noMappings);
    const { page } = await open(url);
    await page.getByRole('heading', { name: 'No mappings' }).waitFor();
  });

  it('names the daemon that leads, with a link to its page, and leaves the acting to it', async () => {
    const { url, daemon } = await stage(twentyMappings);
    const { page } = await open(`${url}/#mapping=fraud`);
    await page.getByText('sync-2 leads this mapping').waitFor();
    const link = page.getByRole('link', { name: 'Go to its page' });
    expect(await link.getAttribute('href')).toBe('http://sync-2.internal:9464');
    // As somebody would who doesn't see that it is disabled.
    await page.getByRole('button', { name: 'Pause' }).click({ force: true });
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(daemon.config.calls.filter(([call]) => call === 'pause')).toEqual([]);
  });

  it('follows changes live, and tells screen readers of them', async () => {
    const { url, daemon } = await stage(oneMapping);
    const { page } = await open(url);
    await page.getByText('Both sides are equal').waitFor();
    daemon.current = daemonStatus({
      mappings: [mappingStatus({ state: 'paused', inSync: false, entries: 4_321 })],
    });
    await page.getByText('Paused: nothing is written').waitFor();
    await page.getByText('4,321').waitFor();
    expect(await page.locator('[aria-live=polite][role=status]').textContent()).toBe('config: paused');
  });

  it('shows how far a mapping is on its way to Consul', async () => {
    const { url, daemon } = await stage(oneMapping);
    const { page } = await open(url);
    await page.getByText('Both sides are equal').waitFor();
    expect(await page.getByText('Cutover').count()).toBe(0);
    daemon.current = daemonStatus({
      mappings: [mappingStatus({ cutover: { step: 'right-leads', sinceMs: Date.now() } })],
    });
    await page.getByText('Consul leads').waitFor();
  });

  it('says that the daemon is gone, keeps what was last told, and goes on when it is back', async () => {
    const first = await stagePage();
    const { page } = await open(first.url);
    await page.getByText('Both sides are equal').waitFor();
    await first.server.close();
    await page.getByRole('alert').getByText('What stands below is as it was last told.').waitFor();
    await page.getByText('Both sides are equal').waitFor();
    await stage(heldMapping, { port: Number(new URL(first.url).port) });
    await page.getByText('mass-deletion').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });
});

describe('acting on the status page', () => {
  it('pauses after a question, which Escape answers with no', async () => {
    const { url, daemon } = await stage(oneMapping);
    const { page } = await open(url);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('dialog', { name: 'Pause config?' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    expect(daemon.config.calls.flat()).not.toContain('pause');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await page.getByText('done: pause').first().waitFor();
    expect(daemon.config.calls).toContainEqual(['pause']);
  });

  it('approves what is held back only after the name of the mapping was typed', async () => {
    const { url, daemon } = await stage(heldMapping);
    const { page } = await open(url);
    await page.getByRole('button', { name: 'Let these pass …' }).click();
    const approve = page.getByRole('dialog').getByRole('button', { name: 'Approve' });
    const name = page.getByLabel('Type config to go on');
    await name.fill('confi');
    expect(await approve.isDisabled()).toBe(true);
    await name.press('Enter');
    expect(daemon.config.calls.flat()).not.toContain('approve');
    await name.fill('config');
    await name.press('Enter');
    await page.getByText('done: approve').first().waitFor();
    expect(daemon.config.calls).toContainEqual(['approve']);
  });

  it('shows what a resync would do for each choice, and starts the one that was chosen', async () => {
    const { url, daemon } = await stage(oneMapping);
    const { page } = await open(url);
    await page.getByRole('button', { name: 'Resync …' }).click();
    await page.getByRole('table', { name: 'What it would do now' }).waitFor();
    await page.getByLabel('Consul wins wherever both sides differ').check();
    await page.getByLabel('Type config to go on').fill('config');
    await page.getByRole('dialog').getByRole('button', { name: 'Resync' }).click();
    await page.getByText('done: resync consul').first().waitFor();
    expect(daemon.config.calls).toContainEqual(['previewResync', 'merge']);
    expect(daemon.config.calls.filter(([call]) => call === 'resync')).toEqual([['resync', 'consul']]);
  });

  it('releases a held entry for the side that was chosen', async () => {
    const { url, daemon } = await stage(heldMapping);
    const { page } = await open(url);
    await page.getByRole('button', { name: 'Keep Consul' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Keep Consul' }).click();
    await page.getByText('done: release').first().waitFor();
    expect(daemon.config.calls).toContainEqual(['release', 'billing/rate-limit', 'consul']);
  });

  it('shows a conflict line by line, and asks for the other value', async () => {
    const { url } = await stage(oneMapping);
    const { page } = await open(url);
    const asked: unknown[] = [];
    await page.route('**/conflicts/18/resolve', async (route) => {
      asked.push([route.request().method(), route.request().postDataJSON()]);
      const body = { error: 'It has changed since.', code: 'REFUSED', hint: 'Look at it again.' };
      await (asked.length === 1
        ? route.fulfill({ status: 409, json: body })
        : route.fulfill({ json: { mapping: 'config', action: 'resolve', message: 'it stands again' } }));
    });
    await page.locator('summary', { hasText: 'billing/service.yaml' }).click();
    await page.getByRole('cell', { name: 'differs: retries: 3' }).waitFor();
    await page.getByRole('cell', { name: 'differs: idle: 4' }).waitFor();
    await page.getByRole('button', { name: 'Keep the value of ZooKeeper instead' }).click();
    const keep = page.getByRole('dialog').getByRole('button', { name: 'Keep ZooKeeper' });
    await keep.click();
    await page.getByRole('alert').getByText('It has changed since. Look at it again.').waitFor();
    await keep.click();
    await page.getByText('it stands again').first().waitFor();
    expect(asked).toEqual([
      ['POST', { keep: 'zookeeper' }],
      ['POST', { keep: 'zookeeper' }],
    ]);
  });

  it('explains a key, by keyboard alone', async () => {
    const { url, daemon } = await stage(oneMapping);
    const { page } = await open(url);
    await page.getByLabel('Key, relative to the mapping').focus();
    await page.keyboard.type('db/host');
    await page.keyboard.press('Enter');
    await page.getByText('there is no archive').waitFor();
    expect(daemon.config.calls).toContainEqual(['explain', 'db/host']);
  });

  it('leaves what somebody types alone while the status changes', async () => {
    const { url, daemon } = await stage(oneMapping);
    const { page } = await open(url);
    const field = page.getByLabel('Key, relative to the mapping');
    await field.fill('db/h');
    daemon.current = daemonStatus({ mappings: [mappingStatus({ entries: 77_777 })] });
    await page.getByText('77,777').waitFor();
    await page.keyboard.type('ost');
    expect(await field.inputValue()).toBe('db/host');
    expect(await page.locator('input[name=key]:focus').count()).toBe(1);
  });

  it('is left to who has the token where others can connect, and says why', async () => {
    const { url, daemon } = await stage(oneMapping, { host: '0.0.0.0', token: TOKEN });
    const { page, requested } = await open(url);
    await page.getByText('Read-only', { exact: true }).waitFor();
    const pause = page.getByRole('button', { name: 'Pause' });
    expect(await pause.getAttribute('aria-description')).toMatch(/^Read-only: This request needs a token/);
    await pause.click({ force: true });
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(
      requested.filter((address) => /\/api\/.*\/(changes|explain|conflicts\/\d+)/.test(address)),
    ).toEqual([]);

    await page.getByRole('button', { name: 'Enter token' }).click();
    await page.getByRole('textbox', { name: 'Token' }).fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The token was refused').waitFor();
    await page.getByRole('button', { name: 'Enter token' }).click();
    await page.getByRole('textbox', { name: 'Token' }).fill(TOKEN);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Forget token' }).waitFor();
    await page.getByRole('cell', { name: 'checkout/old-provider' }).waitFor();
    await pause.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await page.getByText('done: pause').first().waitFor();
    expect(daemon.config.calls).toContainEqual(['pause']);
    await page.reload();
    await page.getByRole('button', { name: 'Forget token' }).click();
    await page.getByText('Read-only', { exact: true }).waitFor();
  });
});

describe('hostile keys and values on the status page', () => {
  const HOSTILE = [
    '<img src=x onerror="window.owned=1">',
    '<script>window.owned=1</script>',
    'a\u202Egnp.exe',
    'line\nbreak\u0007\u001B[31m',
    'x'.repeat(20_000),
    '{{constructor.constructor("window.owned=1")()}}',
    '',
  ];

  it('stay text: nothing of them runs, hides or turns round, and the page keeps its width', async () => {
    const { url, activity, daemon } = await stage(oneMapping);
    const encode = (text: string) => new TextEncoder().encode(text);
    daemon.current = daemonStatus({
      mappings: [
        mappingStatus({
          problem: HOSTILE[0],
          skipped: HOSTILE.map((key) => ({ key, reason: HOSTILE[1]! })),
          skippedTotal: HOSTILE.length,
          conflicts: { open: HOSTILE.length, total: HOSTILE.length },
          holds: HOSTILE.map((key) => ({ reason: 'conflict', key, sinceMs: 0, detail: HOSTILE[2]! })),
        }),
      ],
    });
    daemon.config.journal = HOSTILE.map((key, id) => {
      const { sides } = journalEntry();
      const values = { left: encode(HOSTILE.join('\n')), right: Uint8Array.of(255, 0, id) };
      const both = {
        left: { ...sides.left, value: values.left },
        right: { ...sides.right, value: values.right },
      };
      return journalEntry({ id: id + 1, key, winner: undefined, open: true, sides: both });
    });
    activity.forMapping('config').written(HOSTILE.map((key) => writtenEntry({ key })));
    const { page, complaints } = await open(url, { viewport: { width: 390, height: 844 } });
    await page.getByText('(20,000 characters)').first().waitFor();
    await page.getByText('a\\u202egnp.exe').first().waitFor();
    await page.locator('summary').first().click();
    await page.getByText('3 bytes that are no text').waitFor();
    expect(await page.evaluate('window.owned')).toBeUndefined();
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(await page.textContent('body')).not.toMatch(/[\u202E\u0007\u001B]/);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    expect(complaints).toEqual([]);
  });
});

describe('the accessibility of the status page', () => {
  it.each(['light', 'dark'] as const)('has no fault that axe finds, in the %s theme', async (colorScheme) => {
    const scenes = [
      { scene: heldMapping, path: '' },
      { scene: twentyMappings, path: '/#mapping=mail' },
      { scene: noMappings, path: '' },
    ];
    for (const { scene, path } of scenes) {
      const { url } = await stage(scene);
      const { page } = await open(`${url}${path}`, { colorScheme });
      await page.getByText('Live', { exact: true }).waitFor();
      await page.waitForLoadState('load');
      if (scene === heldMapping) {
        await page.locator('summary').first().click();
        await page.locator('.diff').waitFor();
        expect(await violations(page)).toEqual([]);
        await page.getByRole('button', { name: 'Resync …' }).click();
        await page.getByRole('table', { name: 'What it would do now' }).waitFor();
      }
      expect(await violations(page)).toEqual([]);
    }
  });

  it('puts everything within reach of the keyboard, with a visible focus', async () => {
    const { url } = await stage(heldMapping);
    const { page } = await open(url);
    await page.getByText('mass-deletion').waitFor();
    const reached: string[] = [];
    for (let presses = 0; presses < 12; presses++) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate<string>('document.activeElement.textContent.slice(0, 30)'));
      const outline = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle');
      expect({ at: reached.at(-1), outline }).not.toMatchObject({ outline: 'none' });
    }
    for (const name of [
      'Skip to the mappings',
      'Pause',
      'Resync …',
      'Let these pass …',
      'Keep ZooKeeper',
      'Explain',
    ]) {
      expect(reached).toContain(name);
    }
  });
});

describe('the time of the page', () => {
  it('goes on while nothing is told', async () => {
    const { url } = await stage(oneMapping);
    const { page } = await open(url);
    const text = () => page.locator('.changes time').first().textContent();
    await vi.waitFor(async () => expect(await text()).toMatch(/ s ago$/), 10_000);
    const before = await text();
    await vi.waitFor(async () => expect(await text()).not.toBe(before), 10_000);
  });
});

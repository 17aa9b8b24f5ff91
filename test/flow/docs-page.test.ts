/** `/docs` and the pages about problems in Chromium: a newcomer signs up, signs in, buys and reads the history by clicking. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeProduct, shopClient, signInAdmin } from '../support/client.ts';

const { httpUrl, adminEmail, adminPassword } = inject('shop');
const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));
if (executablePath === undefined)
  console.log('SKIPPED: /docs is not tested, because there is no Chromium here (apt-get install chromium).');

describe.skipIf(executablePath === undefined)('in Chromium', () => {
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];
  beforeAll(async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'];
    browser = await chromium.launch({ executablePath: executablePath ?? '', args, timeout: 90_000 });
    page = await browser.newPage();
    page.setDefaultTimeout(80_000);
    page.on('pageerror', (error) => faults.push(error.message));
    // A breach of the content security policy is an error on the console, too.
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
    });
    await page.goto(`${httpUrl}/docs`);
  });
  afterAll(() => browser?.close());
  afterEach(() => expect(faults.splice(0)).toEqual([]));

  /** Opens a call, fills it in, sends it, and returns the status that the page shows and the body that came. */
  async function attempt(operation: string, path: string, fill: { body?: object; id?: string }) {
    const call = page.locator(`#operations-${operation}`);
    await call.locator('.opblock-summary-control').click();
    if (fill.body !== undefined) await call.locator('textarea.body-param__text').fill(JSON.stringify(fill.body));
    if (fill.id !== undefined) await call.locator('tr[data-param-name="id"] input').fill(fill.id);
    const answered = page.waitForResponse((response) => new URL(response.url()).pathname === path);
    await call.locator('.execute').click();
    const body = await (await answered).json();
    const status = await call.locator('.live-responses-table tbody .response-col_status').first().textContent();
    return { status: Number.parseInt(status ?? '', 10), body };
  }

  test('a newcomer signs up, signs in, buys and reads the history', async () => {
    const shop = shopClient(httpUrl);
    const product = await makeProduct(shop, await signInAdmin(shop, adminEmail, adminPassword));
    const email = `newcomer-${randomUUID()}@example.com`;
    const password = 'a good long password';
    const signedUp = await attempt('users-signUp', '/users', {
      body: { email, password, firstName: 'Ann', lastName: 'Example' },
    });
    expect(signedUp.status).toBe(201);
    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', password);
    await page.click('#sign-in button');
    await page.waitForSelector('#signed-in:visible');
    expect(await page.textContent('#signed-in')).toContain(email);
    const items = [{ productId: product.id, quantity: 2 }];
    const bought = await attempt('purchases-buy', '/purchases', { body: { items } });
    expect([bought.status, bought.body.status]).toEqual([201, 'completed']);
    const history = await attempt('purchases-listPurchaseEvents', `/purchases/${bought.body.id}/events`, {
      id: bought.body.id,
    });
    expect(history.status).toBe(200);
    const shown = page.locator('#operations-purchases-listPurchaseEvents .live-responses-table');
    expect(await shown.textContent()).toContain('purchase.completed');
  });

  test('a wrong password is explained', async () => {
    await page.click('#signed-in button');
    await page.fill('input[name=email]', 'unknown@example.com');
    await page.fill('input[name=password]', 'a wrong password');
    await page.click('#sign-in button');
    await page.waitForSelector('#message:not(:empty)');
    expect(await page.textContent('#message')).toMatch(/password/);
    // The browser itself reports the 401.
    expect(faults.splice(0)).toEqual([expect.stringContaining('401')]);
  });

  test('on a phone nothing is wider than the screen, in light and dark', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const path of ['/docs', '/problems', '/problems/insufficient-stock']) {
      // The calls of the first test are still open on /docs.
      if (path !== '/docs') await page.goto(httpUrl + path);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const { isTooWide, text } = await page.evaluate<{ isTooWide: boolean; text: string }>(
          '({ isTooWide: document.documentElement.scrollWidth > innerWidth, text: getComputedStyle(document.body).color })',
        );
        const isBright = Number(/\d+/.exec(text)?.[0]) > 128;
        expect([path, colorScheme, isTooWide, isBright]).toEqual([path, colorScheme, false, colorScheme === 'dark']);
      }
    }
  });
});

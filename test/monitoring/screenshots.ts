/**
 * Takes pictures of the status page in Chromium, for people to look at: light and dark, wide and narrow.
 *
 *   node --import tsx test/monitoring/screenshots.ts BASE_URL ADMIN_EMAIL ADMIN_PASSWORD FOLDER [DASHBOARD]
 *   node --import tsx test/monitoring/screenshots.ts BASE_URL --token STATUS_TOKEN FOLDER [DASHBOARD]     works while Redis is away, too
 *
 * Fails when the page reports an error of its own or a breach of its content security policy.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { chromium } from 'playwright-core';

const looks = [
  { name: 'light-wide', colorScheme: 'light', width: 1280, height: 1500 },
  { name: 'dark-wide', colorScheme: 'dark', width: 1280, height: 1500 },
  { name: 'light-narrow', colorScheme: 'light', width: 390, height: 1600 },
  { name: 'dark-narrow', colorScheme: 'dark', width: 390, height: 1600 },
] as const;

const [baseUrl = '', email = '', password = '', folder = '.', dashboard = 'Overview'] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-sync'],
});
const faults: string[] = [];
for (const { name, colorScheme, width, height } of looks) {
  const page = await browser.newPage({ colorScheme, viewport: { width, height }, ignoreHTTPSErrors: true });
  page.on('pageerror', (error) => faults.push(`${name}: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && faults.push(`${name}: ${message.text()}`));
  await page.goto(`${baseUrl}/status`);
  if (name === 'light-wide') await page.screenshot({ path: join(folder, 'sign-in.png') });
  if (email === '--token') {
    await page.fill('input[name=token]', password);
    await page.click('#token-form button');
  } else {
    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', password);
    await page.click('#sign-in-form button');
  }
  await page.click(`#dashboards >> text=${dashboard}`);
  await page.waitForSelector('.panel canvas');
  await page.waitForTimeout(1500); // the graphs of the dashboard that was chosen last
  const tooWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
  if (tooWide) faults.push(`${name}: wider than the window`);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: width > 600 });
  await page.close();
}
await browser.close();
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(1);
}

/** `npm run fuzz`: requests made from the OpenAPI document, at a shop of its own. */
import { readCommandLine } from '../../ops/command-line.ts';
import { startShop } from '../../ops/local/shop.ts';
import { temporarySettings } from '../support/redis-nodes.ts';
import { fuzz } from './run.ts';

const usage = `npm run fuzz          sends requests made from the OpenAPI document to a shop of its own, and checks every answer
  -- --requests N      how many (10000)
  -- --seed S          the same requests again`;

/** Starts a shop, runs, prints what was found. @returns the exit code */
export async function runFuzz(words: string[]): Promise<number> {
  const options = {
    requests: { type: 'string', default: '10000' },
    seed: { type: 'string' },
    help: { type: 'boolean' },
  } as const;
  const given = readCommandLine({ args: words, options }, usage);
  if (typeof given === 'number') return given;
  const { values } = given;
  const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
  const requests = Number(values.requests);
  console.log(`seed ${seed}: the same requests again with npm run fuzz -- --requests ${requests} --seed ${seed}`);
  const { settings, remove } = await temporarySettings();
  const shop = await startShop(settings);
  try {
    const began = performance.now();
    const target = {
      httpUrl: shop.httpUrl,
      adminEmail: settings.adminEmail,
      adminPassword: settings.secrets.ADMIN_PASSWORD ?? '',
    };
    const { faults, byStatus, ...counts } = await fuzz(target, seed, requests);
    const seconds = Math.round((performance.now() - began) / 1000);
    const statuses = Object.entries(byStatus).map(([status, count]) => `${status}: ${count}`);
    console.log(
      `${counts.requests} requests in ${seconds} s, ${counts.products} products and ${counts.purchases} purchases made`,
    );
    console.log(`by status: ${statuses.join(', ')}`);
    console.log(
      faults.length === 0
        ? 'every answer as documented, the stock is right'
        : `${faults.length} faults:\n${faults.join('\n')}`,
    );
    return faults.length === 0 ? 0 : 1;
  } finally {
    await shop.killAll();
    await remove();
  }
}

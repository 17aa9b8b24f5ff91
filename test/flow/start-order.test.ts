/** Start order does not matter: the part that starts first waits for what it needs, logs it, and works when it is there. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Shop, startShop } from '../../ops/local/shop.ts';
import { makeProduct, type ShopClient, shopClient, signInAdmin, signUp } from '../support/client.ts';
import { temporarySettings } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';

let shop: Shop;
let client: ShopClient;
let remove: () => Promise<void>;
const admin = () => signInAdmin(client, shop.settings.adminEmail, shop.settings.secrets.ADMIN_PASSWORD ?? '');

beforeAll(async () => {
  const temporary = await temporarySettings();
  remove = temporary.remove;
  shop = await startShop(temporary.settings);
  client = shopClient(shop.httpUrl);
});
afterAll(async () => {
  await shop?.killAll();
  await remove();
});

const kinds = ['nginx', 'users', 'products', 'purchases', 'sentinel', 'redis'];
test.each([
  ['Nginx first and Redis last', kinds],
  ['Redis first and Nginx last', [...kinds].reverse()],
  ['Sentinels first and services last', ['sentinel', 'nginx', 'redis', 'users', 'products', 'purchases']],
])('%s', async (_title, order) => {
  const names = (await shop.status()).map(({ name, kind }) => ({ name, kind }));
  await Promise.all(names.map(({ name }) => shop.halt(name)));
  for (const kind of order) {
    for (const { name } of names.filter((process) => process.kind === kind)) shop.revive(name);
    await waitFor(`processes of ${kind} to be there`, async () =>
      (await shop.status())
        .filter((process) => process.kind === kind)
        .every(({ pid }) => pid !== undefined && pid !== null),
    );
  }
  await shop.waitUntilHealthy(undefined, 60_000);
  const product = await makeProduct(client, await admin(), { stock: 1 });
  const ann = await signUp(client);
  const items = [{ productId: product.id, quantity: 1 }];
  expect((await client('POST', '/purchases', { token: ann.token, body: { items } })).status).toBe(201);
});

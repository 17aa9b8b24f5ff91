/** Light traffic of every kind, so that every panel has something to show: buying, refusals, reading, signing in, cancelling. */
import { setTimeout as delay } from 'node:timers/promises';
import { makeProduct, type ShopClient, shopClient, signInAdmin, signUp } from '../support/client.ts';

/** Goes on until `stop()`; a request that fails is no concern of the traffic's. */
export async function startTraffic(
  baseUrl: string,
  admin: { email: string; password: string },
  everyMs = 60,
): Promise<{ stop(): Promise<void> }> {
  const shop = shopClient(baseUrl);
  const token = await signInAdmin(shop, admin.email, admin.password);
  const product = await makeProduct(shop, token, { stock: 1_000_000 });
  const scarce = await makeProduct(shop, token, { stock: 0 });
  let goesOn = true;

  async function buyer() {
    let ann = await signUp(shop);
    for (let i = 0; goesOn; i++) {
      await turn(shop, ann.token, { product: product.id, scarce: scarce.id }, i).catch(() => undefined);
      if (i % 200 === 199) ann = await signUp(shop).catch(() => ann); // tokens live 5 minutes
      await delay(everyMs);
    }
  }
  const buyers = [buyer(), buyer()];
  return {
    async stop() {
      goesOn = false;
      await Promise.all(buyers);
    },
  };
}

async function turn(
  shop: ShopClient,
  token: string,
  ids: { product: string; scarce: string },
  i: number,
): Promise<void> {
  const buy = (productId: string) =>
    shop('POST', '/purchases', { token, body: { items: [{ productId, quantity: 1 }] } });
  await shop('GET', '/products?limit=5');
  await shop('GET', `/products/${ids.product}`, { token });
  const bought = await buy(ids.product);
  if (i % 3 === 0) await shop('POST', `/purchases/${bought.body.id}/cancel`, { token });
  if (i % 5 === 0) await buy(ids.scarce);
  if (i % 4 === 0) await shop('GET', '/users/me', { token });
  if (i % 7 === 0) await shop('GET', '/purchases', { token });
  if (i % 20 === 0)
    await shop('POST', '/users/login', { body: { email: 'unknown@example.com', password: 'wrong password' } });
}

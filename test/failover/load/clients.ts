/**
 * The clients of a run. Each begins requests at its own rate, whether or not the one before was answered (an open loop), so that a standstill
 * of the shop meets as many requests as would have come meanwhile (no coordinated omission).
 */
import type { Operation, StoredPurchase } from '../history/history.ts';
import type { Outcome } from '../history/outcome.ts';
import { type Account, type Fixtures, newProduct } from './fixtures.ts';
import type { Client, Sending } from './http-client.ts';
import type { Actor } from './load.ts';
import type { Random } from './random.ts';
import { sessionClient } from './session-client.ts';

/** The purchases of all buyers, so that each can try to read another's. */
type KnownPurchases = { purchases: { id: string; userId: string }[] };

const asPage = (body: { data: StoredPurchase[]; nextCursor: string | null }) => ({
  data: body.data.map(({ id, userId, status }) => ({ id, userId, status })),
  nextCursor: body.nextCursor === null ? null : 'more',
});
const asStock = (body: { data: { id: string; stock: number; name: string }[] }) => ({
  data: body.data.map(({ id, stock, name }) => ({ id, stock, name })),
});

/** How many clients of each kind, and what they share. */
export type LoadSize = {
  readonly buyers: number;
  /** How often a buyer begins a request, on average. */
  readonly buyerEveryMs: number;
  /** Whether buyers do nothing but buy, and exactly so often. */
  readonly onlyPurchases: boolean;
  readonly readers: number;
  readonly products: number;
  /** Whether an admin, users whose sessions end, and sign-ups take part. */
  readonly withOthers: boolean;
};

/** What runs have in common. */
export const usualLoad = { buyerEveryMs: 200, onlyPurchases: false, withOthers: true } as const;

/** All actors of a run: buyers, readers without an account, an admin, users who sign up, users whose sessions end. */
export function createClients(fixtures: Fixtures, label: string, size: LoadSize, nowMs: () => number): Actor[] {
  const known: KnownPurchases = { purchases: [] };
  const productIds = fixtures.products.map(({ id }) => id);
  return [
    ...fixtures.buyers.map((account) => buyer(account, productIds, known, size)),
    ...Array.from({ length: size.readers }, (_, i) => reader(`reader-${i + 1}`, productIds, label)),
    ...(size.withOthers
      ? [admin(fixtures.admin, fixtures.products, label), newcomers(label), sessionClient(fixtures.admin, label, nowMs)]
      : []),
  ];
}

function buyer(
  { actor, userId, token }: Account,
  productIds: readonly string[],
  known: KnownPurchases,
  { buyerEveryMs, onlyPurchases }: LoadSize,
): Actor {
  const own: string[] = [];
  const sending = (kind: Sending['kind'], method: string, path: string, about: Operation['about'] = {}): Sending => ({
    kind,
    method,
    path,
    about,
    userId,
    token,
  });

  async function buy(client: Client, random: Random) {
    const count = random.int(1, 3);
    const items = Array.from({ length: count }, () => ({
      productId: random.pick(productIds),
      quantity: random.int(1, 3),
    }));
    const { outcome } = await client.send({ ...sending('purchase', 'POST', '/purchases'), body: { items } });
    const id = purchaseIdOf(outcome);
    if (id === undefined) return;
    own.push(id);
    known.purchases.push({ id, userId });
    if (known.purchases.length > 500) known.purchases.shift();
  }

  return {
    name: actor,
    everyMs: buyerEveryMs,
    isExact: onlyPurchases,
    async act(client, random) {
      if (onlyPurchases) return buy(client, random);
      const chance = random.next();
      const purchaseId = own.length > 0 ? own[random.int(Math.max(0, own.length - 30), own.length - 1)] : undefined;
      if (chance < 0.55 || purchaseId === undefined) return buy(client, random);
      if (chance < 0.63) {
        return client.send(sending('cancel', 'POST', `/purchases/${purchaseId}/cancel`, { purchaseId }));
      }
      if (chance < 0.78)
        return client.send(sending('read-purchase', 'GET', `/purchases/${purchaseId}`, { purchaseId }));
      if (chance < 0.9) {
        return client.send({ ...sending('read-own-list', 'GET', '/purchases?limit=30'), keep: asPage });
      }
      const foreign = known.purchases.filter((purchase) => purchase.userId !== userId);
      if (chance < 0.94 && foreign.length > 0) {
        const { id } = random.pick(foreign);
        return client.send(sending('read-foreign', 'GET', `/purchases/${id}`, { purchaseId: id }));
      }
      const productId = random.pick(productIds);
      return client.send(sending('read-product', 'GET', `/products/${productId}`, { productId }));
    },
  };
}

function reader(name: string, productIds: readonly string[], label: string): Actor {
  return {
    name,
    everyMs: 200,
    act(client, random) {
      if (random.next() < 0.25) {
        const path = `/products?category=${label}&limit=50`;
        return client.send({ kind: 'list-products', method: 'GET', path, about: {}, keep: asStock });
      }
      const productId = random.pick(productIds);
      return client.send({ kind: 'read-product', method: 'GET', path: `/products/${productId}`, about: { productId } });
    },
  };
}

function admin({ actor, userId, token }: Account, products: Fixtures['products'], label: string): Actor {
  const versions = new Map<string, number>();
  const busy = new Set<string>();
  const created: string[] = [];
  let made = 0;

  /** One change of a product at a time, so that the order of the names that it is given is certain. */
  async function rename(client: Client, productId: string) {
    if (busy.has(productId)) return;
    busy.add(productId);
    const version = (versions.get(productId) ?? 0) + 1;
    versions.set(productId, version);
    const path = `/products/${productId}`;
    const about = { productId, version };
    const body = { name: `${productId} v${version}` };
    await client.send({ kind: 'change-product', method: 'PATCH', path, about, body, userId, token });
    await client.send({ kind: 'read-product', method: 'GET', path, about: { productId }, userId, token });
    busy.delete(productId);
  }

  async function create(client: Client, random: Random) {
    const productId = `${label}-made-${++made}`;
    const body = newProduct(productId, `${label}made`, random.int(1, 100));
    const about = { productId };
    const { outcome } = await client.send({
      kind: 'create-product',
      method: 'POST',
      path: '/products',
      about,
      body,
      userId,
      token,
    });
    if (outcome.kind === 'ok') created.push(productId);
  }

  /** Deletes a product that was acknowledged and that no buyer knows. */
  async function remove(client: Client, productId: string) {
    const path = `/products/${productId}`;
    const about = { productId };
    const { outcome } = await client.send({ kind: 'delete-product', method: 'DELETE', path, about, userId, token });
    if (outcome.kind !== 'ok') return;
    await client.send({ kind: 'read-deleted-product', method: 'GET', path, about, userId, token });
  }

  return {
    name: actor,
    everyMs: 150,
    act(client, random) {
      const chance = random.next();
      const { id: productId } = random.pick(products);
      if (chance < 0.4) {
        const path = `/products/${productId}/stock`;
        return client.send({
          kind: 'restock',
          method: 'POST',
          path,
          about: { productId },
          body: { delta: random.int(1, 20) },
          userId,
          token,
        });
      }
      if (chance < 0.8) return rename(client, productId);
      const old = created.length > 3 ? created.shift() : undefined;
      return old !== undefined && chance < 0.9 ? remove(client, old) : create(client, random);
    },
  };
}

function newcomers(label: string): Actor {
  let count = 0;
  return {
    name: 'newcomers',
    everyMs: 1500,
    act(client) {
      const email = `${label}-newcomer-${++count}@example.com`;
      const body = { email, password: 'correct horse battery', firstName: 'New', lastName: 'Comer' };
      return client.send({ kind: 'sign-up', method: 'POST', path: '/users', about: {}, body });
    },
  };
}

/** The id of the purchase that an answer holds. */
function purchaseIdOf(outcome: Outcome): string | undefined {
  return outcome.kind === 'ok' ? (outcome.body as { id?: string }).id : undefined;
}

/** `purchases` with the real `products` beside it in the test's own process, and a gate between them that can be shut. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Response } from 'supertest';
import { newId } from '../../api/core/ids.ts';
import type { Role } from '../../api/core/request.ts';
import { open as openProducts } from '../../api/products/open.ts';
import { open as openPurchases } from '../../api/purchases/open.ts';
import type { Wanted } from '../../api/purchases/schema.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';

/**
 * `open`; `shut`: products does not hear; `deaf`: products does what it is asked, but its answer is lost; `unknown`: a replica of products
 * does not accept the credential, as one of another release.
 */
type Gate = 'open' | 'shut' | 'deaf' | 'unknown';

/** The answer to a purchase. */
export type Bought = Response;

/** A signed-in user. */
type Person = {
  readonly userId: string;
  buy(items: readonly Wanted[], key?: string): Promise<Bought>;
  post(path: string, body?: object, key?: string, headers?: Record<string, string>): Promise<Response>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
};

/** See {@link startPurchaseShop}. */
export type PurchaseShop = {
  readonly purchases: TestService;
  /** Where `purchases` finds `products`. */
  readonly internalUrl: string;
  /** Sets the gate for calls about this product. */
  setGate(productId: string, gate: Gate): void;
  customer(userId?: string): Person;
  admin(): Person;
  /** Makes a product and gives its id. */
  product(stock: number, priceMinor?: number): Promise<string>;
  /** Deletes a product and makes another under its id. */
  remakeProduct(id: string, stock: number): Promise<void>;
  restock(id: string, delta: number): Promise<void>;
  stock(id: string): Promise<number>;
  stop(): Promise<void>;
};

/** Starts both services; stop it in `afterAll`. @param settings of `purchases`, besides those of every test */
export async function startPurchaseShop(settings: Record<string, string> = {}): Promise<PurchaseShop> {
  const router = await startInternalRouter();
  const products = await startTestService('products', openProducts, router.url);
  const gate = await startGate(products.url);
  router.add('products', gate.url);
  const purchases = await startTestService('purchases', openPurchases, router.url, settings);
  const adminToken = accessToken({ role: 'admin' });
  // Until a service has seen the stream of `users` once it answers a signed-in write with 503; after that with the faults of its body.
  for (const { config, request } of [products, purchases]) {
    await waitFor(`${config.service} to take writes`, async () => {
      const answer = await request.post(`/${config.service}`).set('Authorization', `Bearer ${adminToken}`).send({});
      return answer.status === 422;
    });
  }

  function person(role: Role, userId = newId()): Person {
    const authorization = `Bearer ${accessToken({ role, userId })}`;
    const post: Person['post'] = async (path, body, key, headers = {}) => {
      const request = purchases.request.post(path).set({ authorization, ...headers });
      if (key !== undefined) request.set('Idempotency-Key', key);
      return body === undefined ? request : request.send(body);
    };
    return {
      userId,
      post,
      buy: (items, key = newId()) => post('/purchases', { items }, key),
      get: async (path, headers = {}) => purchases.request.get(path).set({ authorization, ...headers }),
    };
  }

  function asAdmin(method: 'post' | 'delete' | 'get', path: string) {
    return products.request[method](path).set('Authorization', `Bearer ${adminToken}`);
  }

  async function make(id: string, stock: number, priceMinor: number) {
    const price = { amount: priceMinor, currency: 'USD' };
    const made = await asAdmin('post', '/products').send({ id, name: `Product ${id}`, category: 'test', price, stock });
    if (made.status !== 201) throw new Error(`no product: ${made.text}`);
  }

  return {
    purchases,
    internalUrl: router.url,
    setGate: gate.set,
    customer: (userId) => person('customer', userId),
    admin: () => person('admin'),
    async product(stock, priceMinor = 100) {
      const id = newId();
      await make(id, stock, priceMinor);
      return id;
    },
    async remakeProduct(id, stock) {
      await asAdmin('delete', `/products/${id}`);
      await make(id, stock, 100);
    },
    async restock(id, delta) {
      await asAdmin('post', `/products/${id}/stock`).send({ delta });
    },
    async stock(id) {
      return (await asAdmin('get', `/products/${id}`)).body.stock;
    },
    async stop() {
      await Promise.all([purchases.stop(), products.stop()]);
      await Promise.all([gate.stop(), router.stop()]);
    },
  };
}

async function startGate(
  target: string,
): Promise<{ url: string; set(productId: string, gate: Gate): void; stop(): Promise<void> }> {
  const gates = new Map<string, Gate>();
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const mode = [...gates].find(([productId]) => text.includes(productId))?.[1] ?? 'open';
    if (mode === 'shut' || mode === 'unknown') {
      res.writeHead(mode === 'shut' ? 503 : 401).end();
      return;
    }
    const headers = Object.fromEntries(
      ['authorization', 'content-type', 'x-request-id'].map((name) => [name, String(req.headers[name] ?? '')]),
    );
    const answer = await fetch(target + req.url, { method: req.method ?? 'GET', headers, body: text });
    const body = await answer.text();
    if (mode === 'deaf') res.writeHead(503).end();
    else res.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set: (productId, gate) => void gates.set(productId, gate),
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

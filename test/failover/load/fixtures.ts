/** The accounts and products of a run: created before it begins, and used by no other run. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FixtureIds } from '../history/history.ts';
import type { Random } from './random.ts';

/** A user with a token. */
export type Account = { readonly actor: string; readonly userId: string; readonly token: string };

/** See {@link createFixtures}. */
export type Fixtures = {
  readonly admin: Account;
  readonly buyers: readonly Account[];
  readonly products: FixtureIds['products'];
};

const timeoutMs = 30_000;

/** A JSON request that is repeated until it succeeds. @throws when it does not in 30 s, with the last answer */
export async function requestUntilOk(
  baseUrl: string,
  method: string,
  path: string,
  body?: unknown,
  token?: string,
): Promise<never> {
  const key = randomUUID();
  const untilMs = performance.now() + timeoutMs;
  for (let attempt = 1; ; attempt++) {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (method !== 'GET') headers['idempotency-key'] = key;
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const answer = await fetch(baseUrl + path, { ...init, signal: AbortSignal.timeout(12_000) }).catch(
      (error) => `${error} ${error.cause ?? ''}`,
    );
    if (typeof answer !== 'string' && answer.ok) return (await answer.json().catch(() => undefined)) as never;
    // A shop without deduplication: the first attempt was carried out, and its answer was lost.
    if (typeof answer !== 'string' && answer.status === 409 && attempt > 1) return undefined as never;
    const said = typeof answer === 'string' ? answer : `${answer.status} ${await answer.text()}`;
    if (performance.now() > untilMs) throw new Error(`${method} ${path}: ${said}`);
    await delay(200);
  }
}

/** Signs a user in. */
export async function signIn(baseUrl: string, actor: string, email: string, password: string): Promise<Account> {
  const session: { accessToken: string } = await requestUntilOk(baseUrl, 'POST', '/users/login', { email, password });
  const me: { id: string } = await requestUntilOk(baseUrl, 'GET', '/users/me', undefined, session.accessToken);
  return { actor, userId: me.id, token: session.accessToken };
}

/**
 * Signs up and in the buyers, signs in the admin, makes the products: plenty of most, little of some, so that buyers are also refused.
 * @param label goes into all names: letters and digits
 */
export async function createFixtures(
  baseUrl: string,
  adminOf: { email: string; password: string },
  label: string,
  random: Random,
  counts: { buyers: number; products: number },
): Promise<Fixtures> {
  const admin = await signIn(baseUrl, 'admin', adminOf.email, adminOf.password);
  const buyers = await Promise.all(
    Array.from({ length: counts.buyers }, async (_, i) => {
      const actor = `buyer-${i + 1}`;
      const email = `${label}-${actor}@example.com`;
      const password = `correct horse ${label}`;
      await requestUntilOk(baseUrl, 'POST', '/users', { email, password, firstName: 'Chaos', lastName: actor });
      return signIn(baseUrl, actor, email, password);
    }),
  );
  const products = Array.from({ length: counts.products }, (_, i) => ({
    id: `${label}-${i + 1}`,
    stock: i % 4 === 0 ? random.int(20, 60) : 100_000,
  }));
  await Promise.all(
    products.map(({ id, stock }) =>
      requestUntilOk(baseUrl, 'POST', '/products', newProduct(id, label, stock), admin.token),
    ),
  );
  return { admin, buyers, products };
}

/** A product to create; its name counts its changes. */
export function newProduct(id: string, label: string, stock: number) {
  return { id, name: `${id} v0`, category: label, price: { amount: 1999, currency: 'USD' }, stock };
}

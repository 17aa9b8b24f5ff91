/** A client of the shop, as with curl: plain HTTP, no code of the project. Every answer is held to the OpenAPI document. */
import { randomUUID } from 'node:crypto';
import { documentedFetch } from './documented.ts';
import { waitFor } from './wait.ts';

/** What came back. `body` is parsed where it is JSON. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every kind
export type Reply = { readonly status: number; readonly headers: Headers; readonly body: any };

/** What to send besides method and path. */
export type Sent = {
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly raw?: string | Uint8Array;
  readonly token?: string;
  readonly key?: string;
  readonly headers?: Record<string, string>;
};

/** Sends requests to a shop. */
export type ShopClient = (method: string, path: string, sent?: Sent) => Promise<Reply>;

const timeOutMs = 12_000;

/** A client of the shop at `baseUrl`. */
export function shopClient(baseUrl: string): ShopClient {
  return async (method, path, { body, raw, token, key, headers = {} } = {}) => {
    const answer = await documentedFetch(baseUrl + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...headers,
      },
      ...(raw === undefined ? (body === undefined ? {} : { body: JSON.stringify(body) }) : { body: raw }),
      signal: AbortSignal.timeout(timeOutMs),
    });
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get('content-type') ?? '');
    return { status: answer.status, headers: answer.headers, body: isJson && text !== '' ? JSON.parse(text) : text };
  };
}

/** A user who has signed up and in. */
export type SignedIn = {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly token: string;
  readonly refreshToken: string;
};

/** Signs a new user up and in. */
export async function signUp(shop: ShopClient, name = 'Ann'): Promise<SignedIn> {
  const email = `${name.toLowerCase()}-${randomUUID()}@example.com`;
  const password = `a good password ${randomUUID()}`;
  const made = await shop('POST', '/users', { body: { email, password, firstName: name, lastName: 'Example' } });
  if (made.status !== 201) throw new Error(`sign-up: ${made.status} ${JSON.stringify(made.body)}`);
  return { id: made.body.id, email, password, ...(await signIn(shop, email, password)) };
}

/** Signs in. */
export async function signIn(
  shop: ShopClient,
  email: string,
  password: string,
): Promise<{ token: string; refreshToken: string }> {
  const session = await shop('POST', '/users/login', { body: { email, password } });
  if (session.status !== 200) throw new Error(`sign-in: ${session.status} ${JSON.stringify(session.body)}`);
  return { token: session.body.accessToken, refreshToken: session.body.refreshToken };
}

/** Signs the first admin in, waiting until the shop has created that account. */
export async function signInAdmin(shop: ShopClient, email: string, password: string): Promise<string> {
  return waitFor('the first admin to be able to sign in', async () => (await signIn(shop, email, password)).token);
}

/** Makes a product and returns it. */
export async function makeProduct(shop: ShopClient, token: string, changes: Record<string, unknown> = {}) {
  const product = {
    name: 'Hiking Boots',
    category: 'footwear',
    price: { amount: 10_999, currency: 'USD' },
    stock: 100,
    ...changes,
  };
  const made = await shop('POST', '/products', { token, body: product });
  if (made.status !== 201) throw new Error(`product: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

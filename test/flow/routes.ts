/** What tests through Nginx share: the routes of the shop with a good body each, clients of each kind, and the form of a refusal. */
import { expect, inject } from 'vitest';
import { problems } from '../../api/core/problems.ts';
import {
  makeProduct,
  type Reply,
  type Sent,
  type SignedIn,
  shopClient,
  signInAdmin,
  signUp,
} from '../support/client.ts';

const { httpUrl, adminEmail, adminPassword } = inject('shop');

export const shop = shopClient(httpUrl);

/** A token of the admin, a customer, and a product which that customer has bought. */
export type Clients = {
  readonly admin: string;
  readonly ann: SignedIn;
  readonly productId: string;
  readonly purchaseId: string;
};

/** Makes them. */
export async function makeClients(): Promise<Clients> {
  const admin = await signInAdmin(shop, adminEmail, adminPassword);
  const ann = await signUp(shop, 'Ann');
  const productId = (await makeProduct(shop, admin)).id;
  const body = { items: [{ productId, quantity: 1 }] };
  const purchaseId = (await shop('POST', '/purchases', { token: ann.token, body })).body.id;
  return { admin, ann, productId, purchaseId };
}

/** A route as a client calls it. */
export type Line = {
  readonly method: string;
  readonly path: (clients: Clients) => string;
  readonly access: 'anyone' | 'user' | 'admin';
  readonly body?: unknown;
};

/** Address and password of the bodies below: no user has them. */
export const email = 'unused@example.com';
export const password = 'a good long password';
/** Every route that takes a body, with one that is good but for what a test does to it. */
export const withBody: Line[] = [
  { method: 'POST', path: () => '/users', access: 'anyone', body: { email, password, firstName: 'A', lastName: 'B' } },
  { method: 'POST', path: () => '/users/login', access: 'anyone', body: { email, password } },
  { method: 'POST', path: () => '/users/refresh', access: 'anyone', body: { refreshToken: 'x' } },
  { method: 'POST', path: () => '/users/logout', access: 'anyone', body: { refreshToken: 'x' } },
  { method: 'PATCH', path: () => '/users/me', access: 'user', body: { firstName: 'A' } },
  {
    method: 'PUT',
    path: () => '/users/me/password',
    access: 'user',
    body: { currentPassword: password, newPassword: password },
  },
  { method: 'PATCH', path: ({ ann }) => `/users/${ann.id}`, access: 'admin', body: { firstName: 'A' } },
  {
    method: 'POST',
    path: () => '/products',
    access: 'admin',
    body: { name: 'x', category: 'y', price: { amount: 1, currency: 'USD' }, stock: 1 },
  },
  { method: 'POST', path: () => '/products/batch', access: 'admin', body: { products: [{ name: 'x' }] } },
  { method: 'PATCH', path: ({ productId }) => `/products/${productId}`, access: 'admin', body: { name: 'x' } },
  { method: 'POST', path: ({ productId }) => `/products/${productId}/stock`, access: 'admin', body: { delta: 1 } },
  { method: 'POST', path: () => '/purchases', access: 'user', body: { items: [{ productId: 'x', quantity: 1 }] } },
];
const withoutBody: Line[] = [
  { method: 'GET', path: () => '/users/me', access: 'user' },
  { method: 'DELETE', path: () => '/users/me', access: 'user' },
  { method: 'GET', path: () => '/users', access: 'admin' },
  { method: 'GET', path: ({ ann }) => `/users/${ann.id}`, access: 'user' }, // that user, too
  { method: 'DELETE', path: ({ ann }) => `/users/${ann.id}`, access: 'admin' },
  { method: 'GET', path: () => '/users/.well-known/jwks.json', access: 'anyone' },
  { method: 'GET', path: () => '/products', access: 'anyone' },
  { method: 'GET', path: ({ productId }) => `/products/${productId}`, access: 'anyone' },
  { method: 'DELETE', path: ({ productId }) => `/products/${productId}`, access: 'admin' },
  { method: 'GET', path: () => '/purchases', access: 'user' },
  { method: 'GET', path: ({ purchaseId }) => `/purchases/${purchaseId}`, access: 'user' },
  { method: 'GET', path: ({ purchaseId }) => `/purchases/${purchaseId}/events`, access: 'user' },
  { method: 'POST', path: ({ purchaseId }) => `/purchases/${purchaseId}/cancel`, access: 'user' },
];
/** Every route. */
export const allRoutes = [...withBody, ...withoutBody];

/** Rows for `describe.each`, each with its title. */
export const named = (lines: Line[]) => lines.map((line) => [titleOf(line), line] as const);

function titleOf({ method, path }: Line): string {
  const placeholders = { admin: '', ann: { id: '{id}' } as SignedIn, productId: '{id}', purchaseId: '{id}' };
  return `${method} ${path(placeholders)}`;
}

/** Calls a route with the token that it needs. */
export function send(line: Line, clients: Clients, sent: Sent = {}): Promise<Reply> {
  const token = { anyone: undefined, user: clients.ann.token, admin: clients.admin }[line.access];
  return shop(line.method, line.path(clients), { ...(token === undefined ? {} : { token }), ...sent });
}

/** Expects a problem of RFC 9457 with this status, of a documented type, that shows nothing of what runs inside. */
export function expectProblem(reply: Reply, status: number, code?: keyof typeof problems) {
  expect([reply.status, reply.body]).toEqual([status, expect.objectContaining({ status })]);
  expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const named = reply.body.type.replace('/problems/', '');
  expect(Object.keys(problems)).toContain(named);
  if (code !== undefined) expect(named).toBe(code);
  expect(reply.body.requestId).toBe(reply.headers.get('x-request-id'));
  expect(Object.keys(reply.body)).toEqual(expect.arrayContaining(['type', 'title', 'status', 'detail', 'requestId']));
  expect(JSON.stringify(reply.body)).not.toMatch(/redis|ioredis|\bat .*\.ts:|node_modules|ECONN/i);
  if (status === 401) expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer/);
  if (status === 405) expect(reply.headers.get('allow')).toBeTruthy();
}

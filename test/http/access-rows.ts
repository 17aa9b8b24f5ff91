/**
 * Who may do what: a row for each route of each service, by method and path. A number is the status of the refusal; `ok` is what the row
 * says that success is. Where a resource has an owner, it is the customer's.
 */

import { type ServiceName, serviceNames } from '../../api/services.ts';

/** The callers of each row. A service sends a credential also to the routes for clients, where it opens nothing. */
export const callers = ['anonymous', ...serviceNames, 'other', 'admin', 'customer'] as const;
/** One of {@link callers}. */
export type CallerName = (typeof callers)[number];

/** What the rows ask about. Everything called `own…` is the customer's. */
export type Fixtures = {
  readonly ownId: string;
  readonly ownEmail: string;
  readonly ownPassword: string;
  /** Of sign-ins of the customer besides the one with which the customer asks. */
  readonly ownRefreshToken: string;
  readonly ownSessionId: string;
  readonly ownPurchaseId: string;
  readonly productId: string;
  /** A user of no further use. */
  readonly leftoverUserId: string;
  /** A text that no other request has. */
  readonly unique: () => string;
};

type Expected = Readonly<Record<CallerName, 'ok' | 401 | 403 | 404>>;

/** See {@link rows}. `ok` is the status of success; 409 and 422 where the handler was reached and nothing shall come of it. */
export type Row = {
  readonly expected: Expected;
  readonly ok: number;
  readonly path?: (fixtures: Fixtures) => string;
  readonly body?: (fixtures: Fixtures) => object;
};

const everyService = (status: 'ok' | 401) =>
  Object.fromEntries(serviceNames.map((name) => [name, status])) as Record<ServiceName, 'ok' | 401>;

const anyone: Expected = { anonymous: 'ok', ...everyService('ok'), other: 'ok', admin: 'ok', customer: 'ok' };
const signedIn: Expected = { anonymous: 401, ...everyService(401), other: 'ok', admin: 'ok', customer: 'ok' };
const admin: Expected = { anonymous: 401, ...everyService(401), other: 403, admin: 'ok', customer: 403 };
const ownerOrAdmin: Expected = { anonymous: 401, ...everyService(401), other: 404, admin: 'ok', customer: 'ok' };
const owner: Expected = { ...ownerOrAdmin, admin: 404 };
const noClient: Expected = { anonymous: 401, ...everyService(401), other: 401, admin: 401, customer: 401 };

const product = (f: Fixtures) => `/products/${f.productId}`;
const purchase = (f: Fixtures) => `/purchases/${f.ownPurchaseId}`;
const newProduct = (f: Fixtures) => ({
  id: f.unique(),
  name: 'Boots',
  category: 'footwear',
  price: { amount: 1, currency: 'USD' },
  stock: 1,
});

/** The matrix. */
export const rows: Readonly<Record<string, Row>> = {
  'POST /users': {
    expected: anyone,
    ok: 201,
    body: (f) => ({ email: `${f.unique()}@example.com`, password: 'a good password', firstName: 'A', lastName: 'B' }),
  },
  'POST /users/login': {
    expected: anyone,
    ok: 200,
    body: (f) => ({ email: f.ownEmail, password: f.ownPassword }),
  },
  'POST /users/refresh': { expected: anyone, ok: 200, body: (f) => ({ refreshToken: f.ownRefreshToken }) },
  'POST /users/logout': { expected: anyone, ok: 204, body: () => ({ refreshToken: 'none of ours' }) },
  'GET /users/.well-known/jwks.json': { expected: anyone, ok: 200 },
  'GET /users': { expected: admin, ok: 200 },
  'GET /users/me': { expected: signedIn, ok: 200 },
  'PATCH /users/me': { expected: signedIn, ok: 200, body: () => ({ firstName: 'Grace' }) },
  // With a condition that does not hold, so that the callers are still there afterwards.
  'DELETE /users/me': { expected: signedIn, ok: 412 },
  'PUT /users/me/password': {
    expected: signedIn,
    ok: 412,
    body: () => ({ currentPassword: 'a good password', newPassword: 'another good password' }),
  },
  'GET /users/me/sessions': { expected: signedIn, ok: 200 },
  'DELETE /users/me/sessions/:id': { expected: owner, ok: 204, path: (f) => `/users/me/sessions/${f.ownSessionId}` },
  'DELETE /users/me/sessions': { expected: signedIn, ok: 204 },
  'GET /users/:id': { expected: { ...admin, customer: 'ok' }, ok: 200, path: (f) => `/users/${f.ownId}` },
  'PATCH /users/:id': {
    expected: admin,
    ok: 200,
    path: (f) => `/users/${f.ownId}`,
    body: () => ({ firstName: 'Grace' }),
  },
  'DELETE /users/:id/sessions': { expected: admin, ok: 204, path: (f) => `/users/${f.leftoverUserId}/sessions` },
  'DELETE /users/:id': { expected: admin, ok: 412, path: (f) => `/users/${f.leftoverUserId}` },
  'POST /internal/users/sessions/check': {
    expected: { ...noClient, products: 'ok', purchases: 'ok' },
    ok: 200,
    body: (f) => ({ userId: f.ownId, sessionId: f.ownSessionId }),
  },

  'GET /products': { expected: anyone, ok: 200 },
  'GET /products/:id': { expected: anyone, ok: 200, path: product },
  'POST /products': { expected: admin, ok: 201, body: newProduct },
  'POST /products/batch': { expected: admin, ok: 200, body: (f) => ({ products: [newProduct(f)] }) },
  'PATCH /products/:id': { expected: admin, ok: 200, path: product, body: () => ({ name: 'Other boots' }) },
  'POST /products/:id/stock': {
    expected: admin,
    ok: 200,
    path: (f) => `${product(f)}/stock`,
    body: () => ({ delta: 1 }),
  },
  'DELETE /products/:id': { expected: admin, ok: 412, path: product },
  'POST /internal/products/reservations': {
    expected: { ...noClient, purchases: 'ok' },
    ok: 200,
    body: (f) => ({ purchaseId: f.unique(), items: [{ productId: f.unique(), quantity: 1 }] }),
  },
  'POST /internal/products/reservations/groups': {
    expected: { ...noClient, purchases: 'ok' },
    ok: 200,
    body: (f) => ({
      reservations: [
        { purchaseId: f.unique(), items: [{ productId: f.unique(), quantity: 1 }], requestId: 'request-one' },
        { purchaseId: f.unique(), items: [{ productId: f.unique(), quantity: 1 }], requestId: 'request-two' },
      ],
    }),
  },
  'POST /internal/products/releases': {
    expected: { ...noClient, purchases: 'ok' },
    ok: 200,
    body: (f) => ({ purchaseId: f.unique(), items: [] }),
  },

  'POST /purchases': {
    expected: signedIn,
    ok: 201,
    body: (f) => ({ items: [{ productId: f.productId, quantity: 1 }] }),
  },
  'GET /purchases': { expected: signedIn, ok: 200 },
  'GET /purchases/:id': { expected: ownerOrAdmin, ok: 200, path: purchase },
  'GET /purchases/:id/events': { expected: ownerOrAdmin, ok: 200, path: (f) => `${purchase(f)}/events` },
  'POST /purchases/:id/cancel': { expected: ownerOrAdmin, ok: 200, path: (f) => `${purchase(f)}/cancel` },
};

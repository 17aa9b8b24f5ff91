/** The access matrix: every route of every service, taken from the route tables, against every kind of caller. */
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callersOf } from '../../api/contracts/calls.ts';
import { newId } from '../../api/core/ids.ts';
import type { Route } from '../../api/http/route.ts';
import type { OpenService } from '../../api/http/service.ts';
import { type ServiceName, serviceNames } from '../../api/services.ts';
import {
  internalSecrets,
  serviceCredential,
  startInternalRouter,
  startTestService,
  type TestService,
} from '../support/app.ts';
import { operator } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';
import { type CallerName, callers, type Fixtures, rows } from './access-rows.ts';
import { newcomer, newPerson, password, signIn } from './users-support.ts';

let router: Awaited<ReturnType<typeof startInternalRouter>>;
const services: TestService[] = [];
let fixtures: Fixtures;
let tokens: Readonly<Record<Exclude<CallerName, ServiceName>, string | undefined>>;

beforeAll(async () => {
  router = await startInternalRouter();
  for (const name of serviceNames) {
    const { open } = (await import(`../../api/${name}/open.ts`)) as { open: OpenService };
    const service = await startTestService(name, open, router.url);
    router.add(name, service.url);
    services.push(service);
  }
  const [users] = services as [TestService];
  const [customer, other, leftover] = [await newcomer(users), await newcomer(users), await newcomer(users)];
  tokens = {
    anonymous: undefined,
    other: other.token,
    admin: await adminToken(users),
    customer: customer.token,
  };
  await Promise.all(services.map(isServing));
  const { refreshToken } = await signIn(users, customer.person.email);
  const { refreshToken: another } = await signIn(users, customer.person.email);
  const productId = newId();
  await send(
    'admin',
    'POST /products',
    '/products',
    rows['POST /products']?.body?.({ unique: () => productId } as Fixtures),
  );
  await send('admin', 'POST /products/:id/stock', `/products/${productId}/stock`, { delta: 100 });
  const items = [{ productId, quantity: 1 }];
  const bought = await send('customer', 'POST /purchases', '/purchases', { items });
  fixtures = {
    ownId: customer.user.id,
    ownEmail: customer.person.email,
    ownPassword: password,
    ownRefreshToken: refreshToken,
    ownSessionId: another.split('.')[1] ?? '',
    ownPurchaseId: bought.body.id,
    productId,
    leftoverUserId: leftover.user.id,
    unique: newId,
  };
});
afterAll(async () => {
  for (const service of services) await service.stop();
  await router?.stop();
});

/** The token of an admin that the set of admins does not know: other files test what holds for the last one in it. */
async function adminToken(users: TestService): Promise<string> {
  const { user, person } = await newcomer(users, newPerson());
  const master = await operator();
  await master.hset(`{users}:user:${user.id}`, 'role', 'admin');
  master.disconnect();
  return (await signIn(users, person.email)).accessToken;
}

/** Waits until a service sees the stream of `users`: before that, it answers a signed-in write with 503. */
function isServing({ request, config }: TestService) {
  return waitFor(`${config.service} to take writes`, async () => {
    const answer = await request.post(`/${config.service}`).set('Authorization', `Bearer ${tokens.admin}`).send({});
    return answer.status === 422;
  });
}

const isService = (caller: CallerName): caller is ServiceName => serviceNames.some((name) => name === caller);

/** What a caller sends to a service. A service without a secret for it signs in its own name with another secret that it holds. */
function tokenOf(caller: CallerName, called: ServiceName): string | undefined {
  if (!isService(caller)) return tokens[caller];
  if (callersOf(called).includes(caller)) return serviceCredential(caller, called);
  const [secret = ''] = Object.values(internalSecrets(caller));
  return jwt.sign({}, secret, { issuer: caller, audience: `evergreen-internal/${called}`, expiresIn: 60 });
}

/** Sends a request as a caller, to the service that its path names. `ok` of 412 is asked for by a condition that does not hold. */
function send(caller: CallerName, route: string, path: string, body: object | undefined) {
  const method = route.split(' ')[0]?.toLowerCase() as Route['method'];
  const name = /^\/(?:internal\/)?([a-z]+)/.exec(path)?.[1];
  const service = services.find(({ config }) => config.service === name) ?? expect.fail(`no service for ${path}`);
  const request = service.request[method](path);
  const token = tokenOf(caller, service.config.service as ServiceName);
  if (token !== undefined) request.set('Authorization', `Bearer ${token}`);
  if (rows[route]?.ok === 412) request.set('If-Match', '"0"');
  return body === undefined ? request : request.send(body);
}

/** All routes of the services' tables, as rows name them. */
function routesOf(kind: 'routes' | 'internal') {
  return services.flatMap(({ config, service }) => {
    const base = kind === 'internal' ? `/internal/${config.service}` : `/${config.service}`;
    return service[kind].map((route) => {
      return { name: `${route.method.toUpperCase()} ${base}${route.path === '/' ? '' : route.path}`, route };
    });
  });
}

test('every route has a row, and every row a route', () => {
  const names = [...routesOf('routes'), ...routesOf('internal')].map(({ name }) => name);
  expect(Object.keys(rows).sort()).toEqual(names.sort());
});

test('every internal route is for services alone, and no other route is', () => {
  for (const { name, route } of routesOf('internal')) expect([name, route.access]).toEqual([name, 'service']);
  for (const { name, route } of routesOf('routes')) expect([name, route.access]).not.toEqual([name, 'service']);
});

describe.each(Object.entries(rows))('%s', (name, row) => {
  // One after the other, the owner last: what the owner ends or cancels must have been there for the others.
  test('answers each caller as its row says', async () => {
    const answered: [CallerName, number][] = [];
    for (const caller of callers) {
      const path = row.path?.(fixtures) ?? name.split(' ')[1] ?? '';
      const { status } = await send(caller, name, path, row.body?.(fixtures));
      answered.push([caller, status]);
    }
    const expected = callers.map((caller) => {
      const each = row.expected[caller];
      return [caller, each === 'ok' ? row.ok : each];
    });
    expect(answered).toEqual(expected);
  });
});

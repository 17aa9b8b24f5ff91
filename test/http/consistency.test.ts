/** Which reads see at least what was acknowledged before they began: those of a signed-in user. The others may be a second old. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Consistency } from '../../api/core/request.ts';
import type { Route } from '../../api/http/route.ts';
import type { OpenService } from '../../api/http/service.ts';
import { open } from '../../api/products/open.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';

let router: Awaited<ReturnType<typeof startInternalRouter>>;
let products: TestService;
/** With which consistency each request was handled, in order. */
const handled: Consistency[] = [];

/** `products`, whose handlers note the consistency that they are asked for. */
const openObserved: OpenService<never> = (parts) => {
  const service = open(parts);
  const observed = (route: Route): Route => ({
    ...route,
    handle(input) {
      handled.push(input.context.consistency);
      return route.handle(input);
    },
  });
  return { ...service, routes: service.routes.map(observed) };
};

beforeAll(async () => {
  router = await startInternalRouter();
  products = await startTestService('products', openObserved, router.url);
});
afterAll(async () => {
  await Promise.all([products.stop(), router.stop()]);
});

test.each(['customer', 'admin'] as const)(
  'the read of a signed-in %s sees their own writes, without a token it may be old',
  async (role) => {
    const read = async (headers: Record<string, string>) => {
      await waitFor('an answer', async () => (await products.request.get('/products').set(headers)).status === 200);
      return handled.at(-1);
    };
    expect(await read({ Authorization: `Bearer ${accessToken({ role })}` })).toBe('read-your-writes');
    expect(await read({})).toBe('bounded-staleness');
    expect(await read({ Authorization: 'Bearer none' })).toBe('bounded-staleness');
  },
);

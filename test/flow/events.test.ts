/** What stands in the event streams of a shop is what the schemas and the AsyncAPI document say. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { z } from 'zod';
import { eventStream, events } from '../../api/contracts/events.ts';
import type { ServiceName } from '../../api/services.ts';
import { makeProduct, shopClient, signInAdmin, signUp } from '../support/client.ts';

const { httpUrl, adminEmail, adminPassword, redis } = inject('shop');
const shop = shopClient(httpUrl);
const nodes = redis.ports.map(
  (port) => new Redis({ port, username: 'operator', password: redis.password, protocol: 2, disableClientInfo: true }),
);
afterAll(() => {
  for (const node of nodes) node.disconnect();
});

beforeAll(async () => {
  const admin = await signInAdmin(shop, adminEmail, adminPassword);
  const ok = async (...call: Parameters<typeof shop>) => {
    const answer = await shop(...call);
    if (answer.status >= 300 && answer.status !== 409) throw new Error(`${call[1]}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const { id } = await makeProduct(shop, admin, { stock: 5 });
  await ok('PATCH', `/products/${id}`, { token: admin, body: { name: 'Walking Boots' } });
  await ok('POST', `/products/${id}/stock`, { token: admin, body: { delta: 5 } });
  const ann = await signUp(shop);
  const buy = (quantity: number) =>
    ok('POST', '/purchases', { token: ann.token, body: { items: [{ productId: id, quantity }] } });
  const { id: bought } = await buy(2);
  await buy(900);
  await ok('POST', `/purchases/${bought}/cancel`, { token: ann.token });
  await ok('DELETE', `/products/${id}`, { token: admin });
  const passwords = { currentPassword: ann.password, newPassword: 'another good password' };
  await ok('PUT', '/users/me/password', { token: ann.token, body: passwords });
  await ok('POST', '/users/logout', { body: { refreshToken: ann.refreshToken } });
  await ok('PATCH', `/users/${ann.id}`, { token: admin, body: { role: 'admin' } });
  await ok('DELETE', `/users/${ann.id}`, { token: admin });
});

test('every event is declared, has what its schema says and nothing else, and every declared one was seen', async () => {
  const roles = await Promise.all(nodes.map(async (node) => ((await node.role()) as unknown[])[0]));
  const master = nodes[roles.indexOf('master')];
  for (const [service, declared] of Object.entries(events) as [ServiceName, Record<string, z.ZodObject>][]) {
    const entries = (await master?.xrange(eventStream(service), '-', '+')) ?? [];
    const seen = new Set<string>();
    for (const [, fields] of entries) {
      const names = fields.filter((_, i) => i % 2 === 0);
      const [type = '', at = '', , data = ''] = fields.filter((_, i) => i % 2 === 1);
      expect([names, Number(at) > 0]).toEqual([['type', 'at', 'request', 'data'], true]);
      const schema = declared[type];
      expect([type, schema?.strict().safeParse(JSON.parse(data)).error]).toEqual([type, undefined]);
      if (schema !== undefined) seen.add(type);
    }
    expect([...seen].sort()).toEqual(Object.keys(declared).sort());
  }
});

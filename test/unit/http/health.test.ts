/** What a service answers about its own health, and about the shop's. */
import express from 'express';
import supertest from 'supertest';
import { beforeEach, expect, test } from 'vitest';
import { createReadiness, healthRoutes } from '../../../api/http/health.ts';

let isPrepared = false;
/** Services of which no replica is ready. */
let missing: readonly string[] = [];
beforeEach(() => {
  isPrepared = false;
  missing = [];
});

function start() {
  const readiness = createReadiness(() => isPrepared);
  const client = {
    get: (path: string) =>
      missing.some((name) => path === `/internal/ready/${name}`)
        ? Promise.reject(new Error('503'))
        : Promise.resolve({}),
  };
  return { readiness, request: supertest(express().use(healthRoutes(readiness, client as never))) };
}

test('a process is alive before it is ready, and while it drains', async () => {
  const { readiness, request } = start();
  const answers = async () => {
    const [live, ready] = [await request.get('/livez'), await request.get('/readyz')];
    return [live.status, live.body.status, ready.status, ready.body.status];
  };
  expect(await answers()).toEqual([200, 'alive', 503, 'starting']);
  isPrepared = true;
  expect(await answers()).toEqual([200, 'alive', 200, 'ready']);
  readiness.drain();
  expect(await answers()).toEqual([200, 'alive', 503, 'draining']);
});

test('the shop is healthy while each service has a ready replica; otherwise it names those that have none', async () => {
  const { request } = start();
  const healthy = await request.get('/healthz');
  expect([healthy.status, healthy.body, healthy.headers['cache-control']]).toEqual([200, { status: 'ok' }, 'no-store']);
  missing = ['products', 'purchases'];
  const ill = await request.get('/healthz');
  expect(ill).toMatchObject({ status: 503, body: { type: '/problems/temporarily-unavailable', services: missing } });
});

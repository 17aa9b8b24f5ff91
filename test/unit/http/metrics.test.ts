/** The requests that a service counts, by route and status. */
import { request as httpRequest, type Server } from 'node:http';
import express from 'express';
import { afterEach, expect, test } from 'vitest';
import { createMetrics } from '../../../api/http/metrics.ts';
import { waitFor } from '../../support/wait.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A service with one route `/known` that answers 201, and one `/slow` that never answers; and what it has counted. */
async function start() {
  const { registry, measure } = createMetrics('users', '1.2.3');
  let slow = 0;
  const app = express()
    .use(measure)
    .get('/known', (_req, res) => {
      res.locals.route = '/known';
      res.sendStatus(201);
    })
    .get('/slow', (_req, res) => {
      res.locals.route = '/slow';
      slow += 1;
    });
  server = app.listen(0, '127.0.0.1');
  const url = await waitFor('the server to listen', () => {
    const address = server?.address();
    return typeof address === 'object' && address !== null && `http://127.0.0.1:${address.port}`;
  });
  const counted = async () =>
    (await registry.getSingleMetricAsString('http_requests_total')).split('\n').filter((line) => !line.startsWith('#'));
  const inFlight = async () => /(\d+)$/.exec(await registry.getSingleMetricAsString('http_requests_in_flight'))?.[1];
  return { url, counted, inFlight, slow: () => slow };
}

test('an answered request counts under its route and status; an unknown address under none', async () => {
  const { url, counted, inFlight } = await start();
  await fetch(`${url}/known?secret=1`);
  await fetch(`${url}/unknown/address`);
  await waitFor('both to be counted', async () => (await counted()).length === 2);
  expect(await counted()).toEqual([
    expect.stringMatching(/method="GET",route="\/known",status_code="201".* 1$/),
    expect.stringMatching(/method="GET",route="unmatched",status_code="404".* 1$/),
  ]);
  expect(await inFlight()).toBe('0');
});

test('a request whose client goes away first counts as 499', async () => {
  const { url, counted, inFlight, slow } = await start();
  const request = httpRequest(`${url}/slow`).on('error', () => undefined);
  request.end();
  await waitFor('the request to arrive', () => slow() === 1);
  expect(await inFlight()).toBe('1');
  request.destroy();
  await waitFor('it to be counted', async () => (await counted()).length === 1);
  expect(await counted()).toEqual([expect.stringMatching(/route="\/slow",status_code="499".* 1$/)]);
});

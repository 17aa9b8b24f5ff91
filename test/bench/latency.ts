/**
 * How long requests wait: at half of the highest throughput, beside references under a load of the same kind, and while as many sign in as the
 * passwords' hashing allows.
 */
import { availableParallelism } from 'node:os';
import { verify } from '@node-rs/argon2';
import { deadlineIn } from '../../api/core/clock.ts';
import { createPasswords } from '../../api/users/passwords.ts';
import type { Shop } from '../../ops/local/shop.ts';
import { shopClient, signUp } from '../support/client.ts';
import { openShop, purchaseBody } from './load.ts';
import { type PacedRequest, type PacedResult, quantile, sendPaced } from './paced.ts';
import { startReferences } from './reference/start.ts';
import { seedCatalogue } from './subjects.ts';
import { runWrk, type WrkLoad } from './wrk.ts';

const seconds = 8;
const connections = 32;
/**
 * Clients at half of the highest throughput. Each waits a random time between an answer and its next request, so that requests come at random, almost
 * independently of the answers. wrk sends them, because a client in Node.js takes a third of the machine, and its own garbage collections were part
 * of what it measured.
 */
const pausingConnections = 256;
/** So slow that the reads themselves take little of the machine. */
const readsPerSecond = 50;

/** Prints both. */
export async function benchLatency(): Promise<void> {
  const { shop, close } = await openShop();
  try {
    const ids = await seedCatalogue(shop, 30_000);
    const references = await startReferences(shop, ids[0] ?? '');
    try {
      const { token } = await signUp(shopClient(shop.httpUrl));
      const headers = { authorization: `Bearer ${token}` };
      const bodies = ids.slice(0, 1000).map(purchaseBody);
      const read = (path: string): WrkLoad => ({ method: 'GET', paths: ids.map((id) => `${path}/${id}`) });
      await atHalf(references.url, 'R1', read('/express-read'));
      await atHalf(shop.httpUrl, 'product, each another', read('/products'));
      await atHalf(references.url, 'R4', { method: 'POST', paths: ['/express-write/'], bodies });
      await atHalf(shop.httpUrl, 'purchase', { method: 'POST', headers, paths: ['/purchases'], bodies });
    } finally {
      await references.close();
    }
    await duringSignIns(shop, ids);
  } finally {
    await close();
  }
}

async function atHalf(url: string, name: string, load: WrkLoad): Promise<void> {
  await runWrk(url, connections, 2, load);
  const { perSecond } = await runWrk(url, connections, seconds, load);
  const pauseMs = (pausingConnections * 1000) / (perSecond / 2);
  const half = await runWrk(url, pausingConnections, seconds, load, pauseMs);
  console.log(
    `${name}: ${perSecond.toFixed(0)} a second at most; at ${half.perSecond.toFixed(0)} a second p50 ${half.p50.toFixed(1)} ms, p99 ${half.p99.toFixed(1)} ms, p99 is ${(half.p99 / half.p50).toFixed(1)} × p50`,
  );
}

/** The n-th request of a load, from one of twenty addresses. */
function pacedOf({ method, headers = {}, paths, bodies }: WrkLoad, n: number): PacedRequest {
  const body = bodies?.[n % bodies.length];
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  return {
    method,
    path: paths[n % paths.length] ?? '/',
    address: `127.0.1.${1 + (n % 20)}`,
    headers: { ...headers, ...type },
    ...(body === undefined ? {} : { body }),
  };
}

async function duringSignIns({ httpUrl }: Shop, ids: readonly string[]): Promise<void> {
  const { email, password } = await signUp(shopClient(httpUrl));
  const signIn: WrkLoad = {
    method: 'POST',
    paths: ['/users/login'],
    bodies: [JSON.stringify({ email, password })],
  };
  const perSecond = await verificationsPerSecond(password);
  const { perSecond: signIns } = await runWrk(httpUrl, 8, seconds, signIn);
  console.log(
    `sign-ins: ${signIns.toFixed(0)} a second, ${(signIns / perSecond).toFixed(2)} of the ${perSecond.toFixed(0)} passwords that the cores can verify`,
  );
  const read = () =>
    sendPaced(httpUrl, readsPerSecond, seconds, (n) =>
      pacedOf({ method: 'GET', paths: [`/products/${ids[n % ids.length]}`] }, n),
    );
  const calm = await read();
  const [flooded] = await Promise.all([read(), runWrk(httpUrl, 8, seconds, signIn)]);
  console.log(`reads beside them: calm ${shown(calm)}; during the sign-ins ${shown(flooded)}`);
}

/** How many passwords this process verifies in a second, with as many at once as there are cores: with more, each takes more CPU time. */
async function verificationsPerSecond(password: string): Promise<number> {
  const stored = await createPasswords().hash(password, deadlineIn(10_000));
  let done = 0;
  const untilMs = performance.now() + 1000 * (seconds / 2);
  const work = async () => {
    for (; performance.now() < untilMs; done++) await verify(stored, password);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return done / (seconds / 2);
}

function shown({ timesMs, statuses }: PacedResult): string {
  const answers = [...statuses].map(([status, count]) => `${count} × ${status}`).join(', ');
  return `p50 ${quantile(timesMs, 0.5).toFixed(1)} ms, p99 ${quantile(timesMs, 0.99).toFixed(1)} ms (${answers})`;
}

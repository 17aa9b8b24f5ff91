/** Overload: the same key from fifty clients while a master dies, more requests than can be served, a Redis that is full. */

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { infoField } from '../../../api/redis/info.ts';
import { outcomeOf } from '../history/outcome.ts';
import { openClient } from '../load/http-client.ts';
import { operatorOn, withNodes } from '../redis-nodes.ts';
import type { Fault, FaultContext } from './fault.ts';

/** Sends the same purchase under the same key from `count` clients at once. */
async function sameFromAll({ cluster, fixtures, recorder }: FaultContext, count: number): Promise<void> {
  const [buyer] = fixtures.buyers;
  const productId = fixtures.products.at(-1)?.id;
  const key = randomUUID();
  const body = { items: [{ productId, quantity: 1 }] };
  const retryWindow = { untilMs: recorder.nowMs() + 30_000 };
  const clients = Array.from({ length: count }, (_, i) =>
    openClient(cluster.shop.httpUrl, `crowd-${i + 1}`, recorder, retryWindow),
  );
  const about = {};
  const sent = clients.map((client) =>
    client.send({
      kind: 'purchase',
      method: 'POST',
      path: '/purchases',
      key,
      body,
      about,
      userId: buyer?.userId ?? '',
      token: buyer?.token,
    }),
  );
  const answers = await Promise.all(sent);
  for (const client of clients) client.close();
  const ids = new Set(
    answers.map(({ outcome }) => (outcome.kind === 'ok' ? (outcome.body as { id: string }).id : outcome.kind)),
  );
  if (ids.size !== 1) throw new Error(`one key was answered with ${[...ids].join(', ')}`);
}

/** Fills Redis with ballast up to this share of what it may hold; returns what removes it. */
async function fillMemory({ cluster }: FaultContext, share: number): Promise<() => Promise<void>> {
  const key = '{chaos}:ballast';
  await withNodes(cluster.nodes, async ([master]) => {
    const field = async (name: string) => Number(infoField((await master?.info('memory')) ?? '', name));
    const chunk = 64 * 1024;
    while ((await field('used_memory')) < share * (await field('maxmemory'))) {
      await master?.rpush(key, 'x'.repeat(chunk)).catch(() => undefined);
    }
  });
  return async () => {
    for (const port of cluster.nodes.ports) {
      const node = operatorOn(port, cluster.nodes.password);
      await node.del(key).catch(() => undefined); // replicas refuse
      node.disconnect();
    }
  };
}

/** While Redis is this full: whatever grows is refused by 503, whatever ends something succeeds. */
function full(percent: number): Fault {
  return {
    name: `Redis at ${percent} % of its memory`,
    promise: { failedFirstTries: 'only 503' },
    needs: 'small memory',
    async run(context) {
      const { recorder, log } = context;
      const empty = await fillMemory(context, percent / 100);
      log('full');
      await delay(1500); // a replica of a service looks every second
      const fromMs = recorder.nowMs();
      await delay(5000);
      const toMs = recorder.nowMs();
      await empty();
      log('there is room again');
      const during = recorder.history().operations.filter(({ attempts }) => {
        const at = attempts[0]?.invokedMs ?? 0;
        return at > fromMs && at < toMs - 1000;
      });
      const grown = during.filter(
        ({ kind, attempts }) => /^(purchase|sign-up|create-product)$/.test(kind) && (attempts[0]?.status ?? 0) < 300,
      );
      const refused = during.filter(({ kind, attempts }) => kind === 'cancel' && (attempts[0]?.status ?? 0) >= 500);
      const cancelled = during.filter((operation) => operation.kind === 'cancel' && outcomeOf(operation).kind === 'ok');
      log(`${grown.length} grew, ${cancelled.length} were cancelled, ${refused.length} cancellations were refused`);
      if (grown.length > 0) throw new Error(`${grown.length} requests that make the shop larger were accepted`);
      if (refused.length > 0) throw new Error(`${refused.length} cancellations were refused`);
    },
  };
}

/** See the names. */
export const overloadFaults: readonly Fault[] = [
  {
    name: 'the same key from 50 clients at once, master killed',
    promise: { failedFirstTries: 'none', longestGapMs: 3000 },
    needs: 'nothing',
    async run(context) {
      const { cluster, log } = context;
      const master = await cluster.master();
      const all = sameFromAll(context, 50);
      log(`${master} is down`);
      await cluster.shop.halt(master);
      await all;
      await sameFromAll(context, 50);
      cluster.shop.revive(master);
    },
  },
  {
    name: 'more requests than can be served, for 5 s',
    promise: { failedFirstTries: 'only 503' },
    needs: 'nothing',
    async run({ cluster, fixtures, recorder, log }) {
      const untilMs = performance.now() + 5000;
      const [buyer] = fixtures.buyers;
      let sent = 0;
      const said = new Map<string, number>();
      const hammer = async () => {
        while (performance.now() < untilMs) {
          sent += 1;
          const headers = { authorization: `Bearer ${buyer?.token}` };
          const answer = await fetch(`${cluster.shop.httpUrl}/purchases?limit=100`, { headers }).catch(String);
          if (typeof answer !== 'string') await answer.arrayBuffer();
          const how =
            typeof answer === 'string'
              ? answer
              : `${answer.status}${answer.status === 503 && !answer.headers.has('retry-after') ? ' without Retry-After' : ''}`;
          said.set(how, (said.get(how) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: 1500 }, hammer));
      log(`${sent} more requests: ${[...said].map(([how, count]) => `${how} ×${count}`).join(', ')}`);
      for (const how of said.keys()) if (!/^(200|503)$/.test(how)) throw new Error(`overload was answered by ${how}`);
      const recoveredMs = recorder.nowMs() + 2000;
      await delay(5000);
      const late = recorder
        .history()
        .operations.filter(
          ({ attempts }) => (attempts[0]?.invokedMs ?? 0) > recoveredMs && (attempts[0]?.status ?? 0) >= 500,
        );
      if (late.length > 0) throw new Error(`${late.length} requests failed more than 2 s after the crowd had gone`);
    },
  },
  full(85),
  full(100),
];

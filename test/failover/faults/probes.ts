/** Which hosts can still write: small writes sent to one replica of `products` on each host, past Nginx. */
import { setTimeout as delay } from 'node:timers/promises';
import { portsFrom } from '../../../ops/local/spec.ts';
import { openClient } from '../load/http-client.ts';
import type { FaultContext } from './fault.ts';

/** What the replica of `products` on one host answered. Times are those of the history. */
export type ProbeResult = {
  readonly host: number;
  readonly acknowledged: readonly { readonly invokedMs: number; readonly endedMs: number }[];
};

const everyMs = 250;

/** Begins to write through `products-N` for each host N; `stop` waits for the answers that are still due. */
export function startProbes(context: FaultContext, hosts: readonly number[]): { stop(): Promise<ProbeResult[]> } {
  let stopped = false;
  const probing = hosts.map((host) => probe(context, host, () => stopped));
  return {
    stop() {
      stopped = true;
      return Promise.all(probing);
    },
  };
}

async function probe({ cluster, recorder, fixtures }: FaultContext, host: number, isStopped: () => boolean) {
  const port = portsFrom(cluster.settings.portBase).service('products', host);
  const client = openClient(`http://127.0.0.1:${port}`, `probe-${host}`, recorder, { untilMs: 0 });
  const { userId, token } = fixtures.admin;
  const productId = fixtures.products.at(-1)?.id ?? '';
  const acknowledged: ProbeResult['acknowledged'][number][] = [];
  const open = new Set<Promise<void>>();
  while (!isStopped()) {
    const sent = client
      .send({
        kind: 'restock',
        method: 'POST',
        path: `/products/${productId}/stock`,
        about: { productId, probe: true },
        body: { delta: 1 },
        userId,
        token,
      })
      .then(({ operation, outcome }) => {
        if (outcome.kind !== 'ok') return;
        acknowledged.push({ invokedMs: operation.attempts[0]?.invokedMs ?? 0, endedMs: outcome.atMs });
      })
      .finally(() => open.delete(sent));
    open.add(sent);
    await delay(everyMs);
  }
  await Promise.all(open);
  client.close();
  return { host, acknowledged };
}

/** The longest time in ms without an acknowledgement between two moments. */
export function longestGapMs(atMs: readonly number[], fromMs: number, toMs: number): number {
  const inside = atMs.filter((at) => at > fromMs && at < toMs).sort((a, b) => a - b);
  const moments = [fromMs, ...inside, toMs];
  return Math.max(...moments.slice(1).map((at, i) => at - (moments[i] ?? 0)));
}

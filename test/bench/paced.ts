/** Clients that send at a fixed rate, each from an address of its own, whatever the shop takes: slow answers do not slow them down. */
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** One request. `address` is the local address that it comes from: any of 127.0.0.0/8. */
export type PacedRequest = {
  readonly method: string;
  readonly path: string;
  readonly address: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
};

/** What came back: times in ms of all requests, and how many had each status (0: no answer). */
export type PacedResult = { readonly timesMs: number[]; readonly statuses: Map<number, number> };

const timeoutMs = 12_000;

/** Sends `perSecond` requests a second for `seconds`, then waits for the last answer. @param requestAt the n-th request */
export async function sendPaced(
  baseUrl: string,
  perSecond: number,
  seconds: number,
  requestAt: (n: number) => PacedRequest,
): Promise<PacedResult> {
  const { hostname, port } = new URL(baseUrl);
  const agents = new Map<string, Agent>();
  const result: PacedResult = { timesMs: [], statuses: new Map() };
  const sent: Promise<void>[] = [];

  function send({ method, path, address, headers = {}, body }: PacedRequest): Promise<void> {
    const agent = agents.get(address) ?? new Agent({ keepAlive: true });
    agents.set(address, agent);
    const startedMs = performance.now();
    return new Promise((resolve) => {
      const settle = (status: number) => {
        result.timesMs.push(performance.now() - startedMs);
        result.statuses.set(status, (result.statuses.get(status) ?? 0) + 1);
        resolve();
      };
      const options = { hostname, port, method, path, headers, agent, localAddress: address, timeout: timeoutMs };
      const outgoing = request(options, (answer) => {
        answer.resume().once('end', () => settle(answer.statusCode ?? 0));
      });
      outgoing.once('timeout', () => outgoing.destroy(new Error('no answer')));
      outgoing.once('error', () => settle(0));
      outgoing.end(body);
    });
  }

  const beganMs = performance.now();
  for (let n = 0; n < perSecond * seconds; n++) {
    const waitMs = beganMs + (n * 1000) / perSecond - performance.now();
    if (waitMs > 0) await delay(waitMs);
    sent.push(send(requestAt(n)));
  }
  await Promise.all(sent);
  for (const agent of agents.values()) agent.destroy();
  return result;
}

/** The value below which this share of the values is. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

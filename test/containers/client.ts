/** Requests to the shop from outside, as a client sends them that knows the addresses of several Nginx. */
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { checkAnswer } from '../support/documented.ts';

type Answer = { readonly status: number; readonly body: unknown };
export type Call = { readonly method: string; readonly path: string; readonly body?: unknown; readonly token?: string };

export type Credentials = { readonly email: string; readonly password: string };

/** See {@link failoverClient}. */
export type FailoverClient = {
  /** One try, at the Nginx in use. When that cannot be reached, the next call goes to another. */
  attempt(call: Call, key: string): Promise<Answer>;
  /** Tries until it succeeds, under one key, and returns the body. */
  retryUntilDone(call: Call, key?: string): Promise<unknown>;
  /** @returns the access token */
  signIn(credentials: Credentials): Promise<string>;
  /** A whole list, page by page. */
  listAll<Item>(path: string, token?: string): Promise<Item[]>;
  close(): void;
};

const attemptMs = 12_000;
const retryMs = 60_000;

/** @param urls the addresses of the shop's Nginx; certificates are not verified */
export function failoverClient(urls: readonly string[]): FailoverClient {
  const agents = urls.map((url) =>
    url.startsWith('https:')
      ? new https.Agent({ keepAlive: true, maxSockets: 200, rejectUnauthorized: false })
      : new http.Agent({ keepAlive: true, maxSockets: 200 }),
  );
  let current = 0;

  async function attempt(call: Call, key: string): Promise<Answer> {
    const used = current;
    try {
      return await send(urls[used] ?? '', agents[used] as http.Agent, call, key);
    } catch (error) {
      if (current === used) current = (current + 1) % urls.length;
      throw error;
    }
  }

  async function retryUntilDone(call: Call, key: string = randomUUID()): Promise<unknown> {
    const end = Date.now() + retryMs;
    for (;;) {
      const answer = await attempt(call, key).catch((error: Error) => ({ status: 0, body: error.message }));
      if (answer.status >= 200 && answer.status < 300) return answer.body;
      if (Date.now() > end)
        throw new Error(`${call.method} ${call.path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      await delay(250);
    }
  }

  return {
    attempt,
    retryUntilDone,
    async signIn({ email, password }) {
      const session = await retryUntilDone({ method: 'POST', path: '/users/login', body: { email, password } });
      return (session as { accessToken: string }).accessToken;
    },
    async listAll<Item>(path: string, token?: string) {
      const found: Item[] = [];
      for (let query: string | undefined = '?limit=100'; query !== undefined; ) {
        const call = { method: 'GET', path: path + query, ...(token === undefined ? {} : { token }) };
        const page = (await retryUntilDone(call)) as { data: Item[]; nextCursor: string | null };
        found.push(...page.data);
        query = page.nextCursor === null ? undefined : `?limit=100&cursor=${encodeURIComponent(page.nextCursor)}`;
      }
      return found;
    },
    close() {
      for (const agent of agents) agent.destroy();
    },
  };
}

function send(url: string, agent: http.Agent, call: Call, key: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? https : http).request(
      new URL(call.path, url),
      {
        agent,
        method: call.method,
        headers: {
          'content-type': 'application/json',
          ...(call.method === 'GET' ? {} : { 'idempotency-key': key }),
          ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const header = (name: string) => response.headers[name.toLowerCase()]?.toString() ?? null;
          checkAnswer({ method: call.method, url: call.path, status: response.statusCode ?? 0, header, body: text });
          try {
            resolve({ status: response.statusCode ?? 0, body: text === '' ? undefined : JSON.parse(text) });
          } catch {
            resolve({ status: response.statusCode ?? 0, body: text });
          }
        });
      },
    );
    const timer = setTimeout(() => request.destroy(new Error('no answer in time')), attemptMs);
    request.on('error', reject);
    request.on('close', () => clearTimeout(timer));
    request.end(call.body === undefined ? undefined : JSON.stringify(call.body));
  });
}

/** A client of the shop: sends a request once, and again under the same key only if that failed. Writes everything into the history. */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { faultOfAnswer } from '../../support/document.ts';
import type { Attempt, Operation } from '../history/history.ts';
import { hasFailed, type Outcome, outcomeOf } from '../history/outcome.ts';
import type { Recorder } from '../history/recorder.ts';

/** How long a client waits for an answer, in ms: what the deadlines inside the shop are made for. */
const answerMs = 12_000;
/** Between a failure and its repetition, in ms, where the answer does not say it (`Retry-After`, in seconds). */
const repeatAfterMs = 500;

/** What to send, as the history has it, and the token, which it does not have. */
export type Sending = Omit<Operation, 'op' | 'attempts' | 'actor' | 'key'> & {
  token?: string | undefined;
  key?: string;
  /** Goes into the body and not into the history: passwords and tokens. */
  secret?: Readonly<Record<string, string>>;
  /** What of a good answer goes into the history: pages of lists are large. */
  keep?: (body: never) => unknown;
};

/** See {@link openClient}. */
export type Client = {
  /** Sends, repeats until the outcome is known or `retryWindow` ends. Never throws. */
  send(sending: Sending): Promise<{ operation: Operation; outcome: Outcome }>;
  close(): void;
};

/** Until when repetitions go on; may be set while they do. */
export type RetryWindow = { untilMs: number };

/** Opens a client with connections of its own. */
export function openClient(baseUrl: string, actor: string, recorder: Recorder, retryWindow: RetryWindow): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const { hostname, port } = new URL(baseUrl);

  function attemptOnce(
    operation: Operation,
    attempt: Attempt,
    { token, keep, secret }: Pick<Sending, 'token' | 'keep' | 'secret'>,
  ) {
    const hasBody = operation.body !== undefined || secret !== undefined;
    const text = hasBody ? JSON.stringify({ ...(operation.body as object), ...secret }) : undefined;
    return new Promise<void>((done) => {
      let ended = false;
      const end = (result: Omit<Attempt, 'invokedMs' | 'endedMs'>) => {
        if (ended) return;
        ended = true;
        clearTimeout(timer);
        recorder.end(operation, attempt, result);
        done();
      };
      const headers: Record<string, string> = {};
      if (token !== undefined) headers.authorization = `Bearer ${token}`;
      if (operation.key !== undefined) headers['idempotency-key'] = operation.key;
      if (text !== undefined) headers['content-type'] = 'application/json';
      const options = { host: hostname, port, method: operation.method, path: operation.path, headers, agent };
      const sent = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', (error) => end({ error: error.message }));
        response.on('aborted', () => end({ error: 'cut off in the middle of the answer' }));
        response.on('end', () => {
          const retryAfter = response.headers['retry-after'];
          const isStale = /fwd=stale; detail=unreachable/.test(String(response.headers['cache-status']));
          const text = Buffer.concat(chunks).toString();
          const header = (name: string) => response.headers[name.toLowerCase()]?.toString() ?? null;
          const status = response.statusCode ?? 0;
          const answer = { method: operation.method, url: operation.path, status, header, body: text };
          const undocumented = faultOfAnswer(answer);
          const body = parse(text);
          end({
            status,
            body: keep !== undefined && status === 200 ? keep(body as never) : body,
            ...(response.headers['idempotent-replayed'] === 'true' ? { replayed: true } : {}),
            ...(retryAfter === undefined ? {} : { retryAfter }),
            ...(undocumented === undefined ? {} : { undocumented }),
            ...(isStale ? { staleSeconds: Number(response.headers.age) } : {}),
          });
        });
      });
      const timer = setTimeout(() => {
        end({ error: `no answer in ${answerMs} ms` });
        sent.destroy();
      }, answerMs);
      sent.on('error', (error: NodeJS.ErrnoException) => end({ error: error.code ?? error.message }));
      sent.end(text);
    });
  }

  return {
    async send({ token, keep, secret, ...sending }) {
      const key = sending.key ?? (sending.method === 'GET' ? undefined : randomUUID());
      const operation = recorder.begin({ actor, ...sending, ...(key === undefined ? {} : { key }) });
      for (;;) {
        const attempt = recorder.invoke(operation);
        await attemptOnce(operation, attempt, { token, ...(keep ? { keep } : {}), ...(secret ? { secret } : {}) });
        if (!hasFailed(attempt) || recorder.nowMs() > retryWindow.untilMs) break;
        await delay(attempt.retryAfter === undefined ? repeatAfterMs : 1000 * Number(attempt.retryAfter));
      }
      return { operation, outcome: outcomeOf(operation) };
    },
    close: () => agent.destroy(),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 200);
  }
}

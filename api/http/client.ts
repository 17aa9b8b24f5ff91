/** Calls to other services through Nginx's internal listener, which balances and repeats them like a client's. */
import { type Dispatcher, Pool } from 'undici';
import type { Call } from '../contracts/calls.ts';
import { type Deadline, remainingMs } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import type { Credentials } from './credentials.ts';

/** See {@link internalClient}. */
export type InternalClient = {
  /**
   * Makes a call once. It may be repeated: every call is safe to repeat.
   * @throws Unavailable when there is no proper answer before the deadline
   */
  call<I, O>(call: Call<I, O>, input: I, requestId: string, deadline: Deadline): Promise<O>;
  /** Gets a JSON document by path. @param requestId of the request that needs it @throws Unavailable like `call` */
  get(path: string, requestId: string, deadline: Deadline): Promise<unknown>;
};

/** How long one attempt may take, in ms: Nginx gives up on a replica after 1.5 s and takes the next. */
const attemptMs = 2000;

/** Makes the client of a service. @param credentials of that service */
export function internalClient(baseUrl: string, credentials: Pick<Credentials, 'issue'>): InternalClient {
  // Not fetch: its web streams cost five times as much as this. A connection for each call at once, kept for the next.
  const pool = new Pool(baseUrl);

  async function request(options: Dispatcher.RequestOptions, deadline: Deadline): Promise<unknown> {
    const timeMs = Math.ceil(Math.min(attemptMs, remainingMs(deadline)));
    // Not AbortSignal.timeout: it cannot be cleared, and keeps everything of the call in memory until its time is over.
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new Error(`no answer within ${timeMs} ms`)), timeMs);
    try {
      const { statusCode, body } = await pool.request({ ...options, signal: controller.signal });
      if (statusCode !== 200) throw new Error(`status ${statusCode}: ${(await body.text()).slice(0, 300)}`);
      return await body.json();
    } catch (error) {
      throw new Unavailable(`${options.path}: ${error instanceof Error ? error.message : error}`);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async call({ method, service: called, path, output }, input, requestId, deadline) {
      const headers = {
        authorization: `Bearer ${credentials.issue(called)}`,
        'x-request-id': requestId,
        'content-type': 'application/json',
      };
      const options = { method, headers, path: `/internal/${called}${path}`, body: JSON.stringify(input) };
      return output.parse(await request(options, deadline));
    },
    get: (path, requestId, deadline) =>
      request({ method: 'GET', path, headers: { 'x-request-id': requestId } }, deadline),
  };
}

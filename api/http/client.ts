/** Calls to other services through Nginx's internal listener, which balances and repeats them like a client's. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { type Dispatcher, Pool } from 'undici';
import { z } from 'zod';
import type { Call } from '../contracts/calls.ts';
import { type Deadline, monotonicMs, remainingMs, shopTimeSeconds } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import { serviceNames } from '../services.ts';
import { clockSkewSeconds, isShortLived } from './tokens.ts';

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
const audience = 'evergreen-internal';
/** How long a credential lives, in seconds; one that would live longer is refused. */
const credentialSeconds = 120;
/** How long a credential is used again, in ms: signing costs next to nothing, and a clock that was corrected counts at once. */
const credentialReuseMs = 1000;

/** The secret that all services share, as a key: with a text, jsonwebtoken takes ten times as long. */
export function internalKey(secret: string): KeyObject {
  return createSecretKey(secret, 'utf8');
}

/** Makes the client of a service. @param secret what all services share to know each other by */
export function internalClient(baseUrl: string, service: string, secret: string): InternalClient {
  const key = internalKey(secret);
  // Not fetch: its web streams cost five times as much as this. A connection for each call at once, kept for the next.
  const pool = new Pool(baseUrl);
  let credential = '';
  let credentialUntilMs = 0;

  function bearer(): string {
    if (monotonicMs() > credentialUntilMs) {
      credential = jwt.sign({ iat: shopTimeSeconds() }, key, {
        algorithm: 'HS256',
        issuer: service,
        audience,
        expiresIn: credentialSeconds,
      });
      credentialUntilMs = monotonicMs() + credentialReuseMs;
    }
    return `Bearer ${credential}`;
  }

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
      const headers = { authorization: bearer(), 'x-request-id': requestId, 'content-type': 'application/json' };
      const options = { method, headers, path: `/internal/${called}${path}`, body: JSON.stringify(input) };
      return output.parse(await request(options, deadline));
    },
    get: (path, requestId, deadline) =>
      request({ method: 'GET', path, headers: { 'x-request-id': requestId } }, deadline),
  };
}

const credentialClaims = z.object({ iss: z.enum(serviceNames), iat: z.number(), exp: z.number() });

/** Reads a credential. @returns the service that made it; `undefined` unless it is one of the shop's and lives two minutes at most */
export function serviceOf(token: string, key: KeyObject): string | undefined {
  try {
    const now = { clockTimestamp: shopTimeSeconds(), clockTolerance: clockSkewSeconds };
    const options: jwt.VerifyOptions = { algorithms: ['HS256'], audience, ...now };
    const { iss, ...times } = credentialClaims.parse(jwt.verify(token, key, options));
    return isShortLived(times, credentialSeconds) ? iss : undefined;
  } catch {
    return undefined;
  }
}

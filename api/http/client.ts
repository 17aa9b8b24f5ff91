/** Calls to other services through Nginx's internal listener, which balances and repeats them like a client's. */
import jwt from 'jsonwebtoken';
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

/** Makes the client of a service. @param secret what all services share to know each other by */
export function internalClient(baseUrl: string, service: string, secret: string): InternalClient {
  let credential = '';
  let credentialUntilMs = 0;

  function bearer(): string {
    if (monotonicMs() > credentialUntilMs) {
      credential = jwt.sign({ iat: shopTimeSeconds() }, secret, {
        algorithm: 'HS256',
        issuer: service,
        audience,
        expiresIn: credentialSeconds,
      });
      credentialUntilMs = monotonicMs() + credentialReuseMs;
    }
    return `Bearer ${credential}`;
  }

  async function request(path: string, init: RequestInit, deadline: Deadline): Promise<unknown> {
    const timeMs = Math.ceil(Math.min(attemptMs, remainingMs(deadline)));
    try {
      const answer = await fetch(new URL(path, baseUrl), { ...init, signal: AbortSignal.timeout(timeMs) });
      if (!answer.ok) throw new Error(`status ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
      return await answer.json();
    } catch (error) {
      throw new Unavailable(`${path}: ${error instanceof Error ? error.message : error}`);
    }
  }

  return {
    async call(call, input, requestId, deadline) {
      const headers = { authorization: bearer(), 'x-request-id': requestId, 'content-type': 'application/json' };
      const init = { method: call.method, headers, body: JSON.stringify(input) };
      return call.output.parse(await request(`/internal/${call.service}${call.path}`, init, deadline));
    },
    get: (path, requestId, deadline) => request(path, { headers: { 'x-request-id': requestId } }, deadline),
  };
}

const credentialClaims = z.object({ iss: z.enum(serviceNames), iat: z.number(), exp: z.number() });

/** Reads a credential. @returns the service that made it; `undefined` unless it is one of the shop's and lives two minutes at most */
export function serviceOf(token: string, secret: string): string | undefined {
  try {
    const now = { clockTimestamp: shopTimeSeconds(), clockTolerance: clockSkewSeconds };
    const options: jwt.VerifyOptions = { algorithms: ['HS256'], audience, ...now };
    const { iss, ...times } = credentialClaims.parse(jwt.verify(token, secret, options));
    return isShortLived(times, credentialSeconds) ? iss : undefined;
  } catch {
    return undefined;
  }
}

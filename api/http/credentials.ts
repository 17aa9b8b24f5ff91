/**
 * The credentials of internal calls: short-lived JWTs (RFC 7519, HS256). Each pair of a caller and a called service has a secret of its own, so
 * a service can neither call as another one, nor pass on a credential that it received.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { callersOf, internalSecretName } from '../contracts/calls.ts';
import { monotonicMs, shopTimeSeconds } from '../core/clock.ts';
import type { ServiceName } from '../services.ts';
import { clockSkewSeconds, decodeJwt, isInTime, isShortLived, remember, type TokenTimes } from './jwt.ts';

/** See {@link createCredentials}. */
export type Credentials = {
  /** A credential for a call to `called`. @throws when this service has no secret for that: a call without this service among its callers */
  issue(called: ServiceName): string;
  /** The service that issued a credential for a call to this one; `undefined` unless it is good and lives two minutes at most. */
  callerOf(credential: string): ServiceName | undefined;
};

/** How long a credential lives, in seconds; one that would live longer is refused. */
const lifeSeconds = 120;
/** How long a credential is used again, in ms. A clock that was corrected counts after this time. */
const reuseMs = 1000;
/** How many verified credentials are remembered, the oldest forgotten first: each process that calls makes one a second. */
const maxRemembered = 1000;
/** Longer ones are refused, so that those of a hostile caller do not fill the memory: ours have some 200 characters. */
const maxLength = 1000;

type Issued = { readonly credential: string; readonly untilMs: number };

const claims = z.object({ iat: z.number(), exp: z.number() });
const audienceOf = (called: string) => `evergreen-internal/${called}`;

/** Issues and checks the credentials of a service. @param secrets by the names of `internalSecretsOf` */
export function createCredentials(service: string, secrets: Readonly<Record<string, string>>): Credentials {
  const keys = new Map<string, KeyObject>();
  // With a text in place of a key object, jsonwebtoken takes ten times as long.
  for (const [name, secret] of Object.entries(secrets)) keys.set(name, createSecretKey(secret, 'utf8'));
  const callers = callersOf(service);
  const issued = new Map<ServiceName, Issued>();
  const remembered = new Map<string, TokenTimes & { readonly caller: ServiceName }>();

  function issue(called: ServiceName): string {
    const last = issued.get(called);
    if (last !== undefined && monotonicMs() <= last.untilMs) return last.credential;
    const key = keys.get(internalSecretName(service, called));
    if (key === undefined) throw new Error(`${service} has no secret for calls to ${called}`);
    const credential = jwt.sign({ iat: shopTimeSeconds() }, key, {
      algorithm: 'HS256',
      issuer: service,
      audience: audienceOf(called),
      expiresIn: lifeSeconds,
    });
    issued.set(called, { credential, untilMs: monotonicMs() + reuseMs });
    return credential;
  }

  function verify(credential: string, caller: ServiceName): TokenTimes | undefined {
    const key = keys.get(internalSecretName(caller, service));
    if (key === undefined) return undefined;
    try {
      const now = { clockTimestamp: shopTimeSeconds(), clockTolerance: clockSkewSeconds };
      const options = { algorithms: ['HS256'], issuer: caller, audience: audienceOf(service), ...now };
      const times = claims.parse(jwt.verify(credential, key, options as jwt.VerifyOptions));
      return isShortLived(times, lifeSeconds) ? times : undefined;
    } catch {
      return undefined;
    }
  }

  function callerOf(credential: string): ServiceName | undefined {
    const known = remembered.get(credential);
    if (known !== undefined && isInTime(known, lifeSeconds)) return known.caller;
    if (credential.length > maxLength) return undefined;
    const claimed = decodeJwt(credential)?.payload;
    const caller = callers.find((each) => typeof claimed === 'object' && claimed.iss === each);
    const times = caller && verify(credential, caller);
    if (times === undefined || caller === undefined) return undefined;
    remember(remembered, credential, { ...times, caller }, maxRemembered);
    return caller;
  }

  return { issue, callerOf };
}

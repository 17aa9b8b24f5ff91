/** Rate limits: counted by all replicas together in Redis, by each alone while there is no master. */
import type { Response } from 'express';
import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { monotonicMs, within } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { type Refusal, refuse } from '../core/outcome.ts';
import type { Caller } from '../core/request.ts';
import type { LimitName } from './route.ts';
import { keyedHash } from './secrets.ts';

const windowSeconds = 60;
const redisAnswerMs = 150;
const aloneMs = 500;

/** Who is counted. `account` is the e-mail address that somebody wants to sign in with. */
export type Counted = { readonly caller: Caller; readonly account?: string };

type Policy = { readonly name: string; readonly quota: number; readonly key: (counted: Counted) => string };
type Stage = 'arrival' | 'parsed';

/** See {@link openLimits}. */
export type Limits = {
  /**
   * Counts a request and sets `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
   * @param stage `arrival` before the body is read, `parsed` when it is known what account it names
   */
  count(stage: Stage, limit: LimitName | undefined, counted: Counted, res: Response): Promise<Refusal | undefined>;
};

function policies(config: Config): Record<LimitName | 'everything-else', Record<Stage, Policy[]>> {
  const secret = config.IDEMPOTENCY_SECRET;
  const byAddress = ({ caller }: Counted) => caller.address;
  const byCaller = ({ caller }: Counted) => (caller.kind === 'user' ? `user:${caller.userId}` : caller.address);
  const byAccount = ({ account = '' }: Counted) => keyedHash(secret, 'account', account);
  const byBoth = (counted: Counted) => `${byAccount(counted)}:${counted.caller.address}`;
  return {
    'everything-else': {
      arrival: [{ name: 'caller', quota: config.LIMIT_CALLER_PER_MINUTE, key: byCaller }],
      parsed: [],
    },
    'sign-up': {
      arrival: [{ name: 'sign-up-address', quota: config.LIMIT_SIGN_UP_PER_MINUTE, key: byAddress }],
      parsed: [],
    },
    'sign-in': {
      arrival: [{ name: 'sign-in-address', quota: config.LIMIT_SIGN_IN_ADDRESS_PER_MINUTE, key: byAddress }],
      parsed: [
        { name: 'sign-in', quota: config.LIMIT_SIGN_IN_PER_MINUTE, key: byBoth },
        { name: 'sign-in-account', quota: config.LIMIT_SIGN_IN_ACCOUNT_PER_MINUTE, key: byAccount },
      ],
    },
  };
}

/** Opens the limits of a service. @param scratch the present master, if there is one */
export function openLimits(config: Config, scratch: () => Redis | undefined): Limits {
  const table = policies(config);
  const alone = new Map<string, RateLimiterMemory>();
  const together = new WeakMap<Redis, Map<string, RateLimiterRedis>>();
  let aloneUntilMs = 0;

  function memory({ name, quota }: Policy): RateLimiterMemory {
    let limiter = alone.get(name);
    if (limiter === undefined) {
      limiter = new RateLimiterMemory({ keyPrefix: name, points: quota, duration: windowSeconds });
      alone.set(name, limiter);
    }
    return limiter;
  }

  function shared(redis: Redis, { name, quota }: Policy): RateLimiterRedis {
    const limiters = together.get(redis) ?? new Map<string, RateLimiterRedis>();
    together.set(redis, limiters);
    let limiter = limiters.get(name);
    if (limiter === undefined) {
      const keyPrefix = `{${config.service}}:limit:${name}`;
      limiter = new RateLimiterRedis({ storeClient: redis, keyPrefix, points: quota, duration: windowSeconds });
      limiters.set(name, limiter);
    }
    return limiter;
  }

  async function consume(policy: Policy, key: string): Promise<RateLimiterRes> {
    const redis = monotonicMs() < aloneUntilMs ? undefined : scratch();
    if (redis !== undefined) {
      const result = await within(outcome(shared(redis, policy).consume(key)), redisAnswerMs);
      if (result instanceof RateLimiterRes) return result;
      aloneUntilMs = monotonicMs() + aloneMs;
    }
    const result = await outcome(memory(policy).consume(key));
    if (result instanceof RateLimiterRes) return result;
    throw result;
  }

  return {
    async count(stage, limit, counted, res) {
      if (config.RATE_LIMITS === 'off') return undefined;
      const applied = table[limit ?? 'everything-else'][stage];
      const results = await Promise.all(applied.map((policy) => consume(policy, policy.key(counted))));
      let waitSeconds = 0;
      for (const [i, policy] of applied.entries()) {
        const result = results[i];
        if (result === undefined) continue;
        const resetSeconds = Math.ceil(result.msBeforeNext / 1000);
        res.append('RateLimit-Policy', `"${policy.name}";q=${policy.quota};w=${windowSeconds}`);
        res.append('RateLimit', `"${policy.name}";r=${result.remainingPoints};t=${resetSeconds}`);
        if (result.consumedPoints > policy.quota) waitSeconds = Math.max(waitSeconds, resetSeconds);
      }
      if (waitSeconds === 0) return undefined;
      res.set('Retry-After', String(waitSeconds));
      return refuse('rate-limited', `Too many requests; try again in ${waitSeconds} s.`);
    },
  };
}

/** The library rejects with its result when the limit is reached. */
function outcome(consumed: Promise<RateLimiterRes>): Promise<unknown> {
  return consumed.catch((refused: unknown) => refused);
}

/** Rate limits of routes: which requests are refused, and what the headers say. The table of limits is in limit-policies.ts. */
import type { Response } from 'express';
import type { Redis } from 'ioredis';
import { isRefusal, type Refusal, refuse } from '../core/outcome.ts';
import type { Caller } from '../core/request.ts';
import { createCounters } from './limit-counters.ts';
import type { Charge, Count } from './limit-policies.ts';
import {
  type AddedName,
  classesOf,
  type LimitedRoute,
  limitPolicies,
  type Policy,
  type ReservedName,
  reservedPolicies,
  type Stage,
  type Subject,
} from './limit-policies.ts';
import { createShares, type Shares } from './limit-shares.ts';
import type { Route } from './route.ts';
import type { Config } from './settings.ts';

/** Points that were counted and can be given back. `giveBack` never throws. */
type Reservation = { giveBack(): Promise<void> };

/** What handlers may count by themselves. */
export type HandlerLimits = {
  /**
   * Counts a point before it is known whether it counts, so that attempts at the same time are counted exactly.
   * @returns the seconds to wait when no point is left; otherwise the way to give the point back
   */
  reserve(name: ReservedName, key: string): Promise<Reservation | { readonly waitSeconds: number }>;
  /** Counts work that a request has caused: the caller's next request is refused when nothing is left. */
  add(name: AddedName, caller: Caller, points: number): void;
};

/** See {@link createLimits}. */
export type Limits = HandlerLimits & {
  /**
   * Counts a request at its arrival or when it is parsed; sets `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
   * @returns the 429, if a limit is reached
   */
  count(
    stage: 'arrival' | 'parsed',
    route: LimitedRoute,
    subject: Subject,
    res: Response,
  ): Promise<Refusal | undefined>;
  /**
   * Counts a request unless it repeats one under its Idempotency-Key.
   * @param isRepetition asked only when a limit is reached
   * @returns the 429; or the way to give the points back when the answer shows that this was a repetition, or that nothing was done
   */
  countFirstTime(
    route: Route,
    subject: Subject,
    res: Response,
    isRepetition: () => Promise<boolean>,
  ): Promise<Refusal | Reservation>;
  /** Counts a request whose body is not valid. @returns the 429, if a limit is reached */
  countInvalid(route: Route, subject: Subject, res: Response): Promise<Refusal | undefined>;
};

const nothing: Reservation = { giveBack: async () => undefined };

/** Creates the limits of a service. @param master a connection to the present master, if there is one, for what a failover may lose */
export function createLimits(config: Config, master: () => Redis | undefined): Limits {
  const isOn = config.RATE_LIMITS === 'on';
  const table = limitPolicies(config);
  const reserved = reservedPolicies(config);
  const counters = createCounters(config.service, master);
  const shares = new Map<string, Shares>();
  const policies = new Map(Object.values(table).flatMap((row) => row.map((policy) => [policy.name, policy])));
  for (const policy of policies.values()) {
    if (isOn && policy.counting === 'approximate')
      shares.set(policy.name, createShares(config.service, policy, master));
  }

  function chargesOf(stage: Stage, route: LimitedRoute, subject: Subject): Charge[] {
    if (!isOn) return [];
    const policies = classesOf(route, subject.caller).flatMap((name) => table[name]);
    return policies.flatMap((policy) => {
      const key = policy.stage === stage ? policy.key(subject) : undefined;
      return key === undefined ? [] : [{ policy, key, points: policy.points?.(subject) ?? 1 }];
    });
  }

  async function charge(charges: readonly Charge[], res: Response): Promise<Refusal | undefined> {
    if (charges.length === 0) return undefined;
    const exact = charges.filter(({ policy }) => policy.counting === 'exact');
    const [exactCounts, shared] = await Promise.all([
      counters.charge(exact),
      Promise.all(
        charges.flatMap(({ policy, key, points }) => {
          const own = shares.get(policy.name);
          return own === undefined ? [] : [own.charge(key, points).then((count) => ({ policy, count }))];
        }),
      ),
    ]);
    const counted = [
      ...exact.flatMap(({ policy }, i) => {
        const count = exactCounts[i];
        return count === undefined ? [] : [{ policy, count }];
      }),
      ...shared,
    ];
    for (const { policy, count } of counted) addLimitHeaders(res, policy, count);
    const waits = counted.filter(({ count }) => count.isRefused).map(({ count }) => secondsOf(count));
    return waits.length === 0 ? undefined : rateLimited(Math.max(...waits));
  }

  return {
    count: (stage, route, subject, res) => charge(chargesOf(stage, route, subject), res),

    async countFirstTime(route, subject, res, isRepetition) {
      const charges = chargesOf('first-time', route, subject);
      const refusal = await charge(charges, res);
      if (refusal !== undefined) return (await isRepetition()) ? nothing : refusal;
      return { giveBack: () => counters.giveBack(charges) };
    },

    countInvalid(route, subject, res) {
      const charges = chargesOf('first-time', route, subject);
      return charge(
        charges.filter(({ policy }) => policy.countsInvalid),
        res,
      );
    },

    async reserve(name, key) {
      if (!isOn) return nothing;
      const charges = [{ policy: reserved[name], key, points: 1 }];
      const [count] = await counters.charge(charges);
      if (count?.isRefused) return { waitSeconds: secondsOf(count) };
      return { giveBack: () => counters.giveBack(charges) };
    },

    add(name, caller, points) {
      const key = policies.get(name)?.key({ caller });
      if (key !== undefined) shares.get(name)?.add(key, points);
    },
  };
}

/** The 429 of a limit. @param waitSeconds until a request may be admitted again */
export function rateLimited(waitSeconds: number): Refusal {
  const refusal = refuse('rate-limited', `Too many requests; try again in ${waitSeconds} s.`);
  return { ...refusal, headers: { 'Retry-After': String(waitSeconds) } };
}

/** Whether the answer shows a repetition, or that nothing was done: then the points of {@link Limits.countFirstTime} are given back. */
export function isUncounted(answer: unknown): boolean {
  if (isRefusal(answer)) return answer.replayed === true || answer.code === 'temporarily-unavailable';
  return typeof answer === 'object' && answer !== null && 'replayed' in answer && answer.replayed === true;
}

function addLimitHeaders(res: Response, { name, quota, windowSeconds }: Policy, count: Count): void {
  addItem(res, 'RateLimit-Policy', `"${name}";q=${quota};w=${windowSeconds}`);
  addItem(res, 'RateLimit', `"${name}";r=${Math.max(0, quota - count.used)};t=${secondsOf(count)}`);
}

/** Adds an item to a list (RFC 9651). In one line: Nginx' variable for a header holds the first line only. */
function addItem(res: Response, header: string, item: string): void {
  const before = res.getHeader(header);
  res.setHeader(header, before === undefined ? item : `${before}, ${item}`);
}

function secondsOf({ resetMs }: Count): number {
  return Math.max(1, Math.ceil(resetMs / 1000));
}

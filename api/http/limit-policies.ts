/** Which requests are limited, by what, and how much: the whole table. What the contract promises about limits is in here. */
import { addressIdentity } from '../core/address.ts';
import { isNewCustomer } from '../core/new-customer.ts';
import type { Caller } from '../core/request.ts';
import type { LimitName, Route } from './route.ts';
import { keyedHash } from './secrets.ts';
import type { Config } from './settings.ts';

/** What a request is counted by. */
export type Subject = {
  readonly caller: Caller;
  /** The account that a sign-in names. Only once the body has been parsed. */
  readonly account?: string;
  /** How many items a purchase has. Only once the body has been parsed. */
  readonly items?: number;
};

/**
 * When a request is counted: `arrival`, before its body is read; `parsed`, when the body is known to be valid; `first-time`, like `parsed`,
 * but a repetition under the same Idempotency-Key is not counted and not refused.
 */
export type Stage = 'arrival' | 'parsed' | 'first-time';

/** One limit. */
export type Policy = {
  /** Appears in the headers and in the names of the counters. */
  readonly name: string;
  readonly quota: number;
  /** Length of the window in seconds; it begins with the first request. */
  readonly windowSeconds: number;
  readonly stage: Stage;
  /**
   * `exact`: by all replicas together, before the request is handled. `approximate`: in each replica, reconciled in the background, so that the
   * request itself causes no command; at most a tenth above the quota (see limit-shares.ts).
   */
  readonly counting: 'exact' | 'approximate';
  /** What shares one counter; `undefined` where the limit does not apply to the request. */
  readonly key: (subject: Subject) => string | undefined;
  /** How many points a request costs; 1 unless given. */
  readonly points?: (subject: Subject) => number;
  /** Whether a request with an invalid body is counted too, which matters only at the stage `first-time`. */
  readonly countsInvalid?: true;
};

/** A request's share of one limit: `points` under the counter `key`. */
export type Charge = { readonly policy: Policy; readonly key: string; readonly points: number };

/** Where a counter stands: points used in its window and when the window ends, in ms from now. */
export type Count = { readonly used: number; readonly resetMs: number; readonly isRefused: boolean };

/** A class of routes: one that a route names as its `limit`, `write` for the other writes of a customer, or all the rest. */
type LimitClass = LimitName | 'write' | 'everything-else';

/** The limits of which a handler takes points before it knows whether they count. */
export type ReservedName = 'wrong-passwords' | 'sign-in-day-new-accounts';
/** The limits to which a handler adds points when it knows how many. */
export type AddedName = 'search-work';

const minute = 60;
const day = 86_400;

/** The limits of the shop, by class of route. Quotas come from the settings. */
export function limitPolicies(config: Config): Readonly<Record<LimitClass, readonly Policy[]>> {
  const secret = config.IDEMPOTENCY_SECRET;
  const byAddress = ({ caller }: Subject) => addressIdentity(caller.address);
  const byUser = ({ caller }: Subject) => (caller.kind === 'user' ? caller.userId : undefined);
  const byCaller = (subject: Subject) => byUser(subject) ?? byAddress(subject);
  const byAccountAndAddress = (subject: Subject) =>
    `${keyedHash(secret, 'account', subject.account ?? '')}:${byAddress(subject)}`;
  const byNewAccount = (subject: Subject) => {
    const { caller } = subject;
    return caller.kind === 'user' && isNewCustomer(caller.userId, caller.role) ? byAddress(subject) : undefined;
  };
  const items = (subject: Subject) => subject.items ?? 1;

  const perMinute = { windowSeconds: minute, stage: 'arrival', counting: 'exact' } as const;
  const perDay = { windowSeconds: day, stage: 'first-time', counting: 'exact' } as const;
  const approximate = { ...perMinute, counting: 'approximate' } as const;
  const caller = { ...approximate, name: 'caller', quota: config.LIMIT_CALLER_PER_MINUTE, key: byCaller };
  const purchases = { ...perDay, quota: config.LIMIT_PURCHASES_PER_DAY };
  const purchasedItems = { ...perDay, quota: config.LIMIT_PURCHASED_ITEMS_PER_DAY, points: items };
  const writes = { ...perDay, quota: config.LIMIT_WRITES_PER_DAY };
  return {
    'sign-in': [
      { ...perMinute, name: 'sign-in-address', quota: config.LIMIT_SIGN_IN_ADDRESS_PER_MINUTE, key: byAddress },
      {
        ...perMinute,
        name: 'sign-in',
        quota: config.LIMIT_SIGN_IN_PER_MINUTE,
        key: byAccountAndAddress,
        stage: 'parsed',
      },
    ],
    'sign-up': [
      { ...perMinute, name: 'sign-up', quota: config.LIMIT_SIGN_UP_PER_MINUTE, key: byAddress },
      { ...perDay, name: 'sign-up-day', quota: config.LIMIT_SIGN_UP_PER_DAY, key: byAddress, countsInvalid: true },
    ],
    purchase: [
      { ...perMinute, name: 'purchases', quota: config.LIMIT_PURCHASES_PER_MINUTE, key: byUser },
      { ...purchases, name: 'purchases-day', key: byUser },
      { ...purchasedItems, name: 'purchased-items-day', key: byUser },
      // An address may sign up hundreds of accounts a day. In their first day they share what one account may add, or they could fill the shop.
      { ...purchases, name: 'purchases-day-new-accounts', key: byNewAccount },
      { ...purchasedItems, name: 'purchased-items-day-new-accounts', key: byNewAccount },
    ],
    write: [
      { ...perMinute, name: 'writes', quota: config.LIMIT_WRITES_PER_MINUTE, key: byUser },
      { ...writes, name: 'writes-day', key: byUser },
      { ...writes, name: 'writes-day-new-accounts', key: byNewAccount },
    ],
    search: [
      caller,
      // Refused when nothing is left; the handler adds what the search cost afterwards.
      {
        ...approximate,
        name: 'search-work',
        quota: config.LIMIT_SEARCH_MS_PER_MINUTE,
        key: byAddress,
        points: () => 0,
      },
    ],
    'everything-else': [caller],
  };
}

/** The limits that a handler counts by itself, because only the handler knows what counts. */
export function reservedPolicies(config: Config): Readonly<Record<ReservedName, Policy>> {
  const reserved = { stage: 'parsed', counting: 'exact', key: () => undefined } as const;
  const wrongPasswords = { quota: config.LIMIT_SIGN_IN_ACCOUNT_PER_MINUTE, windowSeconds: minute };
  // An address may sign up hundreds of accounts a day, with fifty sign-ins each.
  const newAccounts = { quota: config.LIMIT_SIGN_IN_NEW_ACCOUNTS_PER_DAY, windowSeconds: day };
  return {
    'wrong-passwords': { ...reserved, ...wrongPasswords, name: 'wrong-passwords' },
    'sign-in-day-new-accounts': { ...reserved, ...newAccounts, name: 'sign-in-day-new-accounts' },
  };
}

/** What the limits of a request depend on, besides its caller. */
export type LimitedRoute = Pick<Route, 'limit' | 'idempotent'>;

/** The classes that a request belongs to; calls of other services have none. A customer's write counts as `write` besides, but for sign-up and purchase. */
export function classesOf(route: LimitedRoute, caller: Caller): readonly LimitClass[] {
  const isUser = caller.kind === 'user';
  if (caller.kind === 'service') return [];
  if (route.limit === 'sign-up') return ['sign-up'];
  if (route.limit === 'purchase') return isUser ? ['purchase'] : ['everything-else'];
  const isWrite = route.idempotent && isUser && caller.role === 'customer';
  const classes: LimitClass[] = [
    ...(route.limit === undefined ? [] : [route.limit]),
    ...(isWrite ? ['write' as const] : []),
  ];
  return classes.length > 0 ? classes : ['everything-else'];
}

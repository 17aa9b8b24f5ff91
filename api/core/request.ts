/** What a rule or a store may know of the request it serves. No Express in here. */
import type { Deadline } from './clock.ts';

/** `read-your-writes`: a read sees at least what was acknowledged before it began. `bounded-staleness`: it is at most a second old. */
export type Consistency = 'read-your-writes' | 'bounded-staleness';

/** The caller of a request. An address is the one that Nginx saw. */
export type Caller =
  | { readonly kind: 'anonymous'; readonly address: string }
  | {
      readonly kind: 'user';
      readonly address: string;
      readonly userId: string;
      readonly sessionId: string;
      readonly role: Role;
    }
  | { readonly kind: 'service'; readonly address: string; readonly service: string };

/** What a user may do. */
export type Role = 'customer' | 'admin';

/**
 * How long a first answer is kept, in ms. Clients are promised 24 h; two hours more, because a record written or read by a Redis node whose
 * clock is an hour wrong ends an hour early.
 */
export const recordLifetimeMs = 26 * 3_600_000;
/** The same for a key that Nginx made: only Nginx itself repeats such a request, within 7 s. */
export const generatedRecordLifetimeMs = 60_000;

/** What identifies a write and its repetitions. */
export type WriteIdentity = {
  /** A keyed hash of caller, method, path and Idempotency-Key. */
  readonly id: string;
  /** A keyed hash of the body and the query. */
  readonly fingerprint: string;
  /** The attempt: a repetition by ourselves or by Nginx has the same, one by the client another. */
  readonly nonce: string;
  /** How long the first answer is kept, in ms. */
  readonly lifetimeMs: number;
};

/** One request, as everything below the HTTP layer sees it. */
export type RequestContext = {
  readonly requestId: string;
  readonly caller: Caller;
  readonly deadline: Deadline;
  readonly consistency: Consistency;
  /**
   * Creates a signal that is aborted when the client's connection closes before the answer was sent. For searches, which end then; other requests do
   * not pay for it.
   */
  readonly createSignal?: () => AbortSignal;
  /** `undefined` on routes that change nothing. */
  readonly write: WriteIdentity | undefined;
  /** The client's `User-Agent`, if it sends one. */
  readonly userAgent?: string | undefined;
  /**
   * Set when the caller is refused for this reason (`<problem>:<session>`), and the first answer under this key may have brought it about:
   * then `runKeyed` gives that answer again and does nothing else.
   */
  readonly onlyRepeat?: string | undefined;
  /** The entity tags of If-Match, without quotes; `'*'`; or `undefined` where the client set no condition. */
  readonly ifMatch: readonly string[] | '*' | undefined;
};

/** If-Match as scripts take it (`is_wanted` in redis/prelude.lua): `*` where any version may be changed, or the tags between commas. */
export function wantedTags({ ifMatch }: Pick<RequestContext, 'ifMatch'>): string {
  return ifMatch === undefined || ifMatch === '*' ? '*' : `,${ifMatch.join(',')},`;
}

/** The caller of a route whose access is `user` or `admin`. @throws when the caller is of another kind, which is a bug */
export function signedIn({ caller }: Pick<RequestContext, 'caller'>): Extract<Caller, { readonly kind: 'user' }> {
  if (caller.kind !== 'user') throw new Error('a route for users was called by another kind of caller');
  return caller;
}

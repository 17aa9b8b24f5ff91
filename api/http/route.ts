/** What a route is: a line of a service's table, typed from its schemas. The OpenAPI document is made from the same lines. */
import type { z } from 'zod';
import type { Refusal } from '../core/outcome.ts';
import type { ProblemCode } from '../core/problems.ts';
import type { RequestContext } from '../core/request.ts';
import type { ServiceName } from '../services.ts';

/** What a handler answers; the HTTP layer turns it into bytes and headers. */
export type Answer = {
  readonly status: 200 | 201 | 204;
  readonly body?: unknown;
  /** The version of the single resource in `body`: becomes a strong ETag. */
  readonly etag?: string;
  readonly location?: string;
  /** What the next page begins after; `null` on the last page. Only on lists. */
  readonly next?: string | null;
  /** Whether this was answered before under the same Idempotency-Key. */
  readonly replayed?: boolean;
};

/** The callers that are allowed: `user` is any signed-in user, `service` another service over the internal listener. */
type Access = 'anyone' | 'user' | 'admin' | 'service';

/** What a handler gets: everything parsed and checked. */
type Input<P, Q, B> = {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly context: RequestContext;
};

/** The class of limits that a route belongs to, where its method and caller do not tell: see limit-policies.ts. */
export type LimitName = 'sign-in' | 'sign-up' | 'purchase' | 'search';

/** A route as its author writes it. */
type RouteSpec<P, Q, B> = {
  readonly method: 'get' | 'post' | 'patch' | 'put' | 'delete';
  /** Below the service's base URL, in Express's syntax: `/:id/stock`. */
  readonly path: string;
  readonly access: Access;
  /** The services that may call a route whose access is `service`. */
  readonly callers?: readonly ServiceName[];
  /** The name of the route in the OpenAPI document, where clients get the name of their function from; internal routes have none. */
  readonly operationId?: string;
  /** One sentence for the OpenAPI document. */
  readonly summary: string;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  /** The status of success, the schema of its body, and whether it has an `ETag`. */
  readonly response: { readonly status: 200 | 201 | 204; readonly body?: z.ZodType; readonly etag?: true };
  /** The refusals that are this route's own, besides those that any route can have. */
  readonly problems?: readonly ProblemCode[];
  /** Whether an Idempotency-Key is kept: true on every route that creates or changes something. */
  readonly idempotent?: boolean;
  /**
   * Who owns the Idempotency-Key, from the body as sent (it has been validated), where that is not the caller: a sign-up repeated from
   * another network address is still the same sign-up.
   */
  readonly idempotencyOwner?: (body: B) => string;
  /** Members of the body that are passwords: a repetition is not compared by them (no fast hash of a password); the handler compares. */
  readonly passwords?: readonly string[];
  /** Whether it makes the shop larger: refused with 503 while Redis is nearly full. */
  readonly rejectWhenFull?: boolean;
  readonly limit?: LimitName;
  /** The list in the body whose items the handler judges one by one, texts included (`faultsOfText`). */
  readonly itemsOf?: string;
  /** The largest body in bytes; 100 kB unless said. */
  readonly maxBodyBytes?: number;
  /** Whether answers may be kept by a cache; personal ones never are. */
  readonly public?: boolean;
  handle(input: Input<P, Q, B>): Promise<Answer | Refusal>;
};

/** A route of any input types. */
// biome-ignore lint/suspicious/noExplicitAny: input is parsed before the call, so the author's types hold
export type Route = RouteSpec<any, any, any>;

/** Declares a route; exists for the inference of `handle`'s input from the schemas. */
export function route<P = Record<never, never>, Q = Record<never, never>, B = undefined>(
  spec: RouteSpec<P, Q, B>,
): Route {
  return spec;
}

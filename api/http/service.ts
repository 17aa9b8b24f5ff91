/** What a service is made from, and what it gives: the type that each `<service>/open.ts` exports as `open`. */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { TokenClaims } from '../contracts/claims.ts';
import type { Deadline } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import type { ShopRedis } from '../redis/open.ts';
import type { ServiceRoutes } from './app.ts';
import type { InternalClient } from './client.ts';
import type { HandlerLimits } from './limits.ts';
import type { Cursors } from './lists.ts';
import type { SessionState } from './sessions.ts';
import type { PublicJwk } from './tokens.ts';

/** What every service is given. */
export type Parts = {
  readonly config: Config;
  readonly redis: ShopRedis;
  readonly client: InternalClient;
  readonly cursors: Cursors;
  readonly log: Logger;
  readonly registry: Registry;
  readonly limits: HandlerLimits;
};

/** A service, opened. */
export type Service = ServiceRoutes & {
  /** Only `users`, which need not ask itself over the network. */
  readonly own?: {
    keys(): Promise<readonly PublicJwk[]>;
    checkSession(claims: TokenClaims, requestId: string, deadline: Deadline): Promise<SessionState>;
  };
  /** Starts work besides requests; returns a function that stops it. Not called in tests of single routes. */
  readonly background?: () => () => void;
  /** Whether the background work has done what must come before the first request; readiness waits for it. Without it: always. */
  readonly isPrepared?: () => boolean;
};

/** Opens a service; must not wait for anything: what is needed may come up later. */
export type OpenService = (parts: Parts) => Service;

/** What a service is made from, and what it gives: the type that each `<service>/open.ts` exports as `open`. */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { z } from 'zod';
import type { TokenClaims } from '../contracts/claims.ts';
import type { Deadline } from '../core/clock.ts';
import { readConfig } from '../core/config.ts';
import type { ShopRedis } from '../redis/open.ts';
import type { ServiceRoutes } from './app.ts';
import type { InternalClient } from './client.ts';
import type { HandlerLimits } from './limits.ts';
import type { Cursors } from './lists.ts';
import type { SessionState } from './sessions.ts';
import { type Config, internalSecretSettings, limitSettings } from './settings.ts';
import type { PublicJwk } from './tokens.ts';

/** What a service is made from. `Own`: the values of its own settings. */
type Parts<Own extends object = object> = {
  readonly config: Config & Own;
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
export type OpenService<Own extends object = object> = (parts: Parts<Own>) => Service;

/** The module `<service>/open.ts`. */
export type ServiceModule = {
  readonly open: OpenService<never>;
  /** Schemas of the settings that only this service has, by name; none unless exported. */
  readonly settings?: z.ZodRawShape;
};

/**
 * Reads the configuration of a service: the settings of all, those of limits, the secrets of internal calls, its own.
 * @param env the process's environment
 * @throws BadConfig when a setting is missing or wrong
 */
export function readServiceConfig(service: string, { settings }: ServiceModule, env: NodeJS.ProcessEnv): Config {
  const ofCalls = internalSecretSettings(service);
  // The service's own settings are there as well; `open` names their type.
  const all = { ...limitSettings, ...settings, ...ofCalls } as typeof limitSettings;
  const config = readConfig(service, all, env);
  const texts = config as object as Readonly<Record<string, string>>;
  const internalSecrets = Object.fromEntries(Object.keys(ofCalls).map((name) => [name, texts[name] ?? '']));
  return { ...config, internalSecrets };
}

/** A service put together from its configuration: everything but listening, so that tests can call it without a port. */
import type { Express } from 'express';
import type { Logger } from 'pino';
import { z } from 'zod';
import { checkSession } from './contracts/calls.ts';
import { deadlineIn } from './core/clock.ts';
import { buildApp } from './http/app.ts';
import { internalClient } from './http/client.ts';
import { createCredentials } from './http/credentials.ts';
import { createGrowth, growthRoute } from './http/growth.ts';
import { createReadiness, healthRoutes, type Readiness } from './http/health.ts';
import { createLimits } from './http/limits.ts';
import { cursors } from './http/lists.ts';
import { createMetrics } from './http/metrics.ts';
import type { OpenService, Service } from './http/service.ts';
import { watchSessions } from './http/sessions.ts';
import type { Config } from './http/settings.ts';
import { type PublicJwk, tokenVerifier } from './http/tokens.ts';
import { documentationRoutes } from './openapi/documentation.ts';
import { hasRecord, revokedByRecord } from './redis/keyed.ts';
import { type EventSource, openEvents, openRedis, type ShopRedis } from './redis/open.ts';
import { serviceNames } from './services.ts';

/** A service, ready to listen. */
export type Assembled = {
  readonly app: Express;
  readonly service: Service;
  readonly redis: ShopRedis;
  readonly readiness: Readiness;
  /** Closes every connection to Redis. */
  readonly close: () => void;
};

/** Puts a service together. Returns at once, without waiting for Redis or other services. */
export function assemble(config: Config, open: OpenService<never>, log: Logger): Assembled {
  const metrics = createMetrics(config.service, config.SHOP_VERSION);
  const logEvent = (event: string) => log.warn(event);
  const redis = openRedis(
    {
      sentinels: config.REDIS_SENTINELS,
      nodes: config.REDIS_NODES,
      masterName: config.REDIS_MASTER_NAME,
      sentinelPassword: config.SENTINEL_PASSWORD,
      username: config.service,
      password: config.REDIS_PASSWORD,
    },
    metrics.observeRedis,
    logEvent,
  );
  const usersEvents = openUsersEvents(config, logEvent);
  metrics.watchClocks(redis.clockDifferences);
  const credentials = createCredentials(config.service, config.internalSecrets);
  const client = internalClient(config.INTERNAL_URL, credentials);
  const limits = createLimits(config, redis.scratch);
  const growth = createGrowth(config.service, redis.scratch, redis.reads);
  const service = open({
    // readServiceConfig has read the service's own settings as well.
    config: config as never,
    redis,
    client,
    cursors: cursors(config.IDEMPOTENCY_SECRET),
    log,
    registry: metrics.registry,
    limits,
  });
  const keys =
    service.own?.keys ??
    ((requestId: string) => client.get('/users/.well-known/jwks.json', requestId, deadlineIn(jwksMs)).then(keysOf));
  const ask =
    service.own?.checkSession ??
    (({ userId, sessionId }, requestId, deadline) =>
      client.call(checkSession, { userId, sessionId }, requestId, deadline));
  const readiness = createReadiness(service.isPrepared ?? (() => true));
  const app = buildApp(
    {
      config,
      log,
      metrics,
      limits,
      identities: {
        verify: tokenVerifier(keys),
        sessions: watchSessions(usersEvents ?? redis, ask),
        callerOf: credentials.callerOf,
      },
      health: healthRoutes(readiness, client),
      documentation: documentationRoutes(serviceNames, config.SHOP_CURRENCY, config.SHOP_VERSION),
      mayGrow: redis.mayGrow,
      growth,
      revokedByRecord: (write, deadline) => revokedByRecord(redis.reads, config.service, write, deadline),
      hasRecord: (write, deadline) => hasRecord(redis.reads, config.service, write, deadline),
      isDraining: () => readiness.state() === 'draining',
    },
    { routes: service.routes, internal: [...service.internal, growthRoute(growth)] },
  );
  return {
    app,
    service,
    redis,
    readiness,
    close() {
      redis.close();
      usersEvents?.close();
    },
  };
}

/** The Redis group of `users`, if the service has another one of its own. */
function openUsersEvents(config: Config, log: (event: string) => void): EventSource | undefined {
  const { USERS_REDIS_SENTINELS: sentinels, USERS_REDIS_NODES: nodes } = config;
  if (sentinels === undefined || nodes === undefined) return undefined;
  return openEvents(
    {
      sentinels,
      nodes,
      masterName: config.USERS_REDIS_MASTER_NAME,
      sentinelPassword: config.USERS_SENTINEL_PASSWORD ?? config.SENTINEL_PASSWORD,
      username: config.service,
      password: config.USERS_REDIS_PASSWORD ?? config.REDIS_PASSWORD,
    },
    log,
  );
}

/** How long to wait for the public keys, in ms; asked again at the next token. */
const jwksMs = 3000;

const jwks = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) });

function keysOf(document: unknown): PublicJwk[] {
  return jwks.parse(document).keys;
}

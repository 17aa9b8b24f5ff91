/** A service's app in the test's own process, on the shared real Redis, for supertest. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import jwt from 'jsonwebtoken';
import { pino } from 'pino';
import supertest from 'supertest';
import { type Assembled, assemble } from '../../api/assemble.ts';
import { internalSecretsOf } from '../../api/contracts/calls.ts';
import { accessTokenSeconds } from '../../api/contracts/events.ts';
import { newId } from '../../api/core/ids.ts';
import type { Role } from '../../api/core/request.ts';
import { createCredentials } from '../../api/http/credentials.ts';
import { type OpenService, readServiceConfig, type ServiceModule } from '../../api/http/service.ts';
import type { Config } from '../../api/http/settings.ts';
import { algorithm, audience, issuer } from '../../api/http/tokens.ts';
import type { ServiceName } from '../../api/services.ts';
import { documented } from './documented.ts';
import { redisSettings } from './redis.ts';

const kid = 'test-key';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const secret = 'a secret that only tests know';

/** A service that runs in this process and listens on a free port. */
export type TestService = Assembled & {
  readonly request: ReturnType<typeof supertest>;
  readonly config: Config;
  readonly url: string;
  stop(): Promise<void>;
};

/** Starts what stands for Nginx's internal listener in http tests: hands each path to the service whose name is in it. */
export async function startInternalRouter(): Promise<{
  url: string;
  add(name: string, url: string): void;
  stop(): Promise<void>;
}> {
  const targets = new Map<string, string>();
  const server = createServer(async (req, res) => {
    if (req.url === '/users/.well-known/jwks.json' && !targets.has('users')) {
      res.end(JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' }] }));
      return;
    }
    const target = targets.get(/^\/(?:internal\/(?:ready\/)?)?([a-z]+)/.exec(req.url ?? '')?.[1] ?? '');
    if (target === undefined) {
      res.writeHead(503).end();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const path = req.url?.startsWith('/internal/ready/') ? '/readyz' : (req.url ?? '/');
    const headers = Object.fromEntries(
      ['authorization', 'content-type', 'x-request-id'].flatMap((n) =>
        req.headers[n] ? [[n, String(req.headers[n])]] : [],
      ),
    );
    const body = chunks.length > 0 ? { body: Buffer.concat(chunks) } : {};
    const answer = await fetch(target + path, { method: req.method ?? 'GET', headers, ...body });
    res.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(await answer.text());
  });
  const url = await listen(server);
  return { url, add: (name, at) => void targets.set(name, at), stop: () => close(server) };
}

/**
 * Starts a service on the shared Redis. Rate limits are off unless `settings` turn them on.
 * @param internalUrl of {@link startInternalRouter}; needed by services that call others or verify tokens
 */
export async function startTestService(
  name: ServiceName,
  open: OpenService<never>,
  internalUrl: string,
  settings: Record<string, string> = {},
): Promise<TestService> {
  const redis = redisSettings(name);
  const module = (await import(`../../api/${name}/open.ts`)) as ServiceModule;
  const config = readServiceConfig(name, module, {
    PORT: '0',
    REDIS_SENTINELS: redis.sentinels.join(','),
    REDIS_NODES: redis.nodes.join(','),
    REDIS_MASTER_NAME: redis.masterName,
    REDIS_PASSWORD: redis.password,
    SENTINEL_PASSWORD: redis.sentinelPassword,
    INTERNAL_URL: internalUrl,
    ...internalSecrets(name),
    IDEMPOTENCY_SECRET: secret,
    REFRESH_SECRET: secret,
    JWT_PRIVATE_KEY: pemOf(privateKey),
    RATE_LIMITS: 'off',
    ...settings,
  });
  const assembled = assemble(config, open, pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' }));
  const server = createServer(documented(assembled.app));
  const url = await listen(server);
  return {
    ...assembled,
    request: supertest(url),
    config,
    url,
    async stop() {
      await close(server);
      assembled.close();
    },
  };
}

/** An access token as `users` would sign it, for services that are tested without it. */
export function accessToken(claims: { userId?: string; role?: Role; sessionId?: string } = {}): string {
  const { userId = newId(), role = 'customer', sessionId = newId() } = claims;
  return jwt.sign({ sid: sessionId, role }, privateKey, {
    algorithm,
    issuer,
    audience,
    subject: userId,
    jwtid: newId(),
    expiresIn: accessTokenSeconds,
    header: { alg: algorithm, typ: 'at+jwt', kid },
  });
}

/** The secrets of a service's internal calls, each for one pair of services. */
export function internalSecrets(service: ServiceName): Record<string, string> {
  return Object.fromEntries(internalSecretsOf(service).map((name) => [name, `${name} that only tests know`]));
}

/** The credential with which one service calls another. @throws when it has no secret for that */
export function serviceCredential(caller: ServiceName, called: ServiceName): string {
  return createCredentials(caller, internalSecrets(caller)).issue(called);
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

/** The HTTP layer of a service: the middleware that every request passes, in order, before a handler sees it. */
import express, { type Express, type Request, type RequestHandler, type Response, Router } from 'express';
import type { Logger } from 'pino';
import { type Deadline, deadlineIn } from '../core/clock.ts';
import { emailIdentity } from '../core/email.ts';
import { newId } from '../core/ids.ts';
import { isRefusal, NoFirstAnswer, refuse, Unavailable } from '../core/outcome.ts';
import type { Caller, RequestContext, WriteIdentity } from '../core/request.ts';
import { ifMatchOf, sendAnswer } from './answer.ts';
import { authorizeAdmin } from './authorize.ts';
import { readBody } from './body.ts';
import { problemOfError, sendRefusal } from './errors.ts';
import type { Growth } from './growth.ts';
import { repeatedRevocation, writeIdentity } from './idempotency.ts';
import { type Identities, identify } from './identity.ts';
import type { Subject } from './limit-policies.ts';
import { isUncounted, type Limits } from './limits.ts';
import { requestLog } from './log.ts';
import type { Metrics } from './metrics.ts';
import { inTurn, onlyFor, shed } from './middleware.ts';
import { nearestPath } from './nearest-path.ts';
import { parseInput, takesParams } from './parse.ts';
import type { Answer, Route } from './route.ts';
import { setSecurityHeaders } from './security-headers.ts';
import { serverTiming, timingOf } from './server-timing.ts';
import type { Config } from './settings.ts';

/** What the middleware needs. */
type HttpParts = {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly limits: Limits;
  readonly identities: Identities;
  readonly health: Router;
  /** The OpenAPI document and the pages about problems. */
  readonly documentation: Router;
  /** Whether the shop may grow (Redis has memory left). */
  readonly mayGrow: () => boolean;
  /** See `revokedByRecord` in redis/keyed.ts. */
  readonly revokedByRecord: (write: WriteIdentity, deadline: Deadline) => Promise<string | undefined>;
  /** Whether there is an idempotency record of the write, so that it repeats one. @throws Unavailable */
  readonly hasRecord: (write: WriteIdentity, deadline: Deadline) => Promise<boolean>;
  readonly growth: Growth;
  readonly isDraining: () => boolean;
};

/** The routes of a service: `routes` under its base URL, `internal` under `/internal/<service>`. */
export type ServiceRoutes = { readonly routes: readonly Route[]; readonly internal: readonly Route[] };

/** How long a handler may take, in ms. Nginx waits 5 s before it asks another replica. */
const answerMs = 3700;

/** Builds a service's Express app. */
export function buildApp(parts: HttpParts, { routes, internal }: ServiceRoutes): Express {
  const app = express();
  app.set('trust proxy', 1); // Nginx alone, which replaces what the client claims by the address that it saw
  app.set('etag', false);
  app.set('case sensitive routing', true);
  app.set('query parser', 'simple');
  app.disable('x-powered-by');
  app.use(
    inTurn(
      identifyRequest,
      requestLog(parts.log),
      parts.metrics.measure,
      serverTiming,
      setSecurityHeaders(),
      closeWhenDraining(parts),
      onlyFor(['/livez', '/readyz', '/healthz'], parts.health),
      onlyFor(['/metrics'], exposeMetrics(parts.metrics)),
      shed(parts.config.MAX_IN_FLIGHT),
    ),
  );
  const base = `/${parts.config.service}`;
  const notFound = refuseUnknownPath(routes.map(({ path }) => (path === '/' ? base : base + path)));
  app.use(base, table(routes, parts, base, notFound));
  app.use(`/internal/${parts.config.service}`, table(internal, parts, `/internal/${parts.config.service}`, notFound));
  app.get('/authorize/admin', authorizeAdmin(parts.identities, parts.limits));
  app.use(parts.documentation);
  app.use(notFound);
  app.use(problemOfError);
  return app;
}

/** Gives the request its id: the client's own `X-Request-Id` if it is well-formed, else a new one. */
export const identifyRequest: RequestHandler = (req, res, next) => {
  const given = req.get('X-Request-Id') ?? '';
  const id = /^[A-Za-z0-9._-]{8,64}$/.test(given) ? given : newId();
  req.id = id;
  res.set('X-Request-Id', id);
  next();
};

function closeWhenDraining({ isDraining }: HttpParts): RequestHandler {
  return (_req, res, next) => {
    if (isDraining()) res.set('Connection', 'close');
    next();
  };
}

function exposeMetrics({ registry }: Metrics): RequestHandler {
  return async (_req, res) => void res.set('Content-Type', registry.contentType).end(await registry.metrics());
}

/** Aborted when the connection has closed before the answer was sent. */
function signalOf(res: Response): AbortSignal {
  const controller = new AbortController();
  if (res.closed && !res.writableFinished) controller.abort();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller.signal;
}

function refuseUnknownPath(paths: readonly string[]): RequestHandler {
  return (req, res) => {
    const nearest = nearestPath(req.baseUrl + req.path, paths);
    const hint = nearest === undefined ? '' : ` The nearest is ${nearest}.`;
    sendRefusal(res, refuse('not-found', `There is no resource at this path.${hint}`));
  };
}

function table(routes: readonly Route[], parts: HttpParts, base: string, notFound: RequestHandler): Router {
  const router = Router({ caseSensitive: true });
  for (const route of routes) router[route.method](route.path, existence(route), serve(route, parts, base));
  // OPTIONS, and methods without a route, get here. A path can match several: `/batch` is a possible `/:id`, too.
  for (const route of routes) {
    router.all(route.path, existence(route), (_req, res, next) => {
      const methods: string[] = res.locals.methods ?? [];
      res.locals.methods = [...methods, route.method.toUpperCase()];
      next();
    });
  }
  router.all(/^/, (req, res, next) => {
    const methods: readonly string[] | undefined = res.locals.methods;
    // Express would answer OPTIONS by itself, with the methods of the routes that `existence` skipped.
    if (methods === undefined) return req.method === 'OPTIONS' ? notFound(req, res, next) : next();
    const allow = [...new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])].join(', ');
    res.set('Allow', allow);
    if (req.method === 'OPTIONS') res.status(204).end();
    else sendRefusal(res, refuse('method-not-allowed', `This path supports ${allow}.`));
  });
  return router;
}

/** Skips a route whose parameters do not match, so `GET /login` gives 405 with `Allow` instead of matching `/:id`. */
function existence(route: Route): RequestHandler {
  return (req, _res, next) => next(takesParams(route, req) ? undefined : 'route');
}

function serve(route: Route, parts: HttpParts, base: string): RequestHandler {
  const routeLabel = base + (route.path === '/' ? '' : route.path);
  return async (req, res) => {
    res.locals.route = routeLabel;
    const answer = await answerOf(req, res);
    if (isRefusal(answer)) sendRefusal(res, answer);
    else sendAnswer(req, res, route, answer);
  };

  async function answerOf(req: Request, res: Response): Promise<Answer | ReturnType<typeof refuse>> {
    const deadline = deadlineIn(answerMs);
    const mark = timingOf(res);
    const secret = parts.config.IDEMPOTENCY_SECRET;
    const revokedBy = (write: WriteIdentity) => parts.revokedByRecord(write, deadline);
    const identified = await identify(req, route, parts.identities, deadline);
    mark('auth');
    const limitedAtArrival = await parts.limits.count('arrival', route, { caller: identified.caller }, res);
    if (limitedAtArrival !== undefined) return limitedAtArrival;
    const { refusal } = identified;
    const revocation = route.idempotent && (await repeatedRevocation(req, identified, secret, revokedBy));
    if (refusal !== undefined && !revocation) return refusal;
    const { caller, onlyRepeat } = revocation || { caller: identified.caller };
    const body = await readBody(req, res, route.maxBodyBytes);
    if (isRefusal(body)) return body;
    mark('input');
    const parsed = parseInput(route, req, body);
    if (isRefusal(parsed)) return (await parts.limits.countInvalid(route, { caller }, res)) ?? parsed;
    const subject = subjectOf(caller, parsed.body);
    const limited = await parts.limits.count('parsed', route, subject, res);
    if (limited !== undefined) return limited;
    const write = route.idempotent ? writeIdentity(req, caller, body, secret, route) : undefined;
    if (isRefusal(write)) return write;
    // A repetition adds nothing, so neither a full shop nor a daily limit keeps it from its first answer.
    const isRepetition = async () => write !== undefined && (await parts.hasRecord(write, deadline));
    if (route.rejectWhenFull && !parts.mayGrow() && !(await isRepetition())) {
      return refuse(
        'temporarily-unavailable',
        'The shop has no room for new data at the moment. Reading, cancelling and signing out still work.',
      );
    }
    const counted = await parts.limits.countFirstTime(route, subject, res, isRepetition);
    if (isRefusal(counted)) return counted;
    mark('limits');
    const consistency = caller.kind === 'anonymous' ? 'bounded-staleness' : 'read-your-writes';
    const context: RequestContext = {
      requestId: String(req.id),
      caller,
      deadline,
      consistency,
      createSignal: () => signalOf(res),
      write,
      ifMatch: ifMatchOf(req),
      userAgent: req.get('User-Agent'),
      onlyRepeat,
    };
    try {
      const answer = await route.handle({ params: parsed.params, query: parsed.query, body: parsed.body, context });
      mark('handler');
      if (isUncounted(answer)) void counted.giveBack();
      else if (write !== undefined && caller.kind === 'user') parts.growth.note(caller.userId, route, body);
      return answer;
    } catch (error) {
      // What began all the same is not counted when it is repeated either: SECURITY.md, "Known limits".
      if (error instanceof Unavailable || error instanceof NoFirstAnswer) void counted.giveBack();
      if (error instanceof NoFirstAnswer && refusal !== undefined) return refusal;
      throw error;
    }
  }
}

/**
 * What the limits count a parsed request by. The account of a sign-in is the e-mail address that it names; of a password change, the
 * caller's own.
 */
function subjectOf(caller: Caller, body: unknown): Subject {
  const fields = typeof body === 'object' && body !== null ? body : {};
  const own = caller.kind === 'user' ? caller.userId : '';
  const account = 'email' in fields ? emailIdentity(String(fields.email)) : own;
  const items = 'items' in fields && Array.isArray(fields.items) ? fields.items.length : 1;
  return { caller, account, items };
}

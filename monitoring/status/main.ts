/**
 * The status page, behind Nginx under /status: for the admin, how the shop is. The page, its script and the runbooks are public and hold
 * no numbers; what is under /status/data/ needs the access token of an admin, which a service of the shop judges for each request, or the
 * status token, which also works while Redis or all services are away.
 *
 * Environment: HOST, PORT, PROMETHEUS and ALERTMANAGER (host:port), MONITORING_PASSWORD (which those want, if any) or
 * MONITORING_PASSWORD_FILE, STATUS_TOKEN or STATUS_TOKEN_FILE, INTERNAL_URL (of Nginx, through which a service is asked).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import process from 'node:process';
import helmet from 'helmet';
import { z } from 'zod';
import { type ProblemCode, problems } from '../../api/core/problems.ts';
import { openAccess } from './access.ts';
import { readCapacity } from './capacity.ts';
import { eventsOf, linesOf, readDashboards, stepOf } from './dashboards.ts';
import { readGrowth } from './growth.ts';
import { firingAlerts, openPrometheus } from './prometheus.ts';
import { runbookPage } from './runbook.ts';
import { readTopology } from './topology.ts';

const settings = z
  .object({
    HOST: z.string().default('127.0.0.1'),
    PORT: z.coerce.number().int().min(1).max(65535),
    PROMETHEUS: z.string(),
    ALERTMANAGER: z.string(),
    MONITORING_PASSWORD: z.string().default(''),
    MONITORING_PASSWORD_FILE: z.string().default(''),
    STATUS_TOKEN: z.string().default(''),
    STATUS_TOKEN_FILE: z.string().default(''),
    INTERNAL_URL: z.url(),
  })
  .parse(process.env);

const secret = (value: string, file: string) => (file === '' ? value : readFileSync(file, 'utf8').trim());
const password = secret(settings.MONITORING_PASSWORD, settings.MONITORING_PASSWORD_FILE);
const checkAccess = openAccess(settings.INTERNAL_URL, secret(settings.STATUS_TOKEN, settings.STATUS_TOKEN_FILE));
const prometheus = openPrometheus(settings.PROMETHEUS, password);
const dashboards = readDashboards();

/** Helmet's set as every answer of the shop has it; of the content nothing but what this process serves, and nothing inline. */
const setHeaders = helmet({
  strictTransportSecurity: false, // Nginx sends it, where TLS ends
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'none'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' },
});

const uplot = createRequire(import.meta.url)
  .resolve('uplot')
  .replace(/uPlot\.cjs\.js$/, '');
const pageFolder = new URL('./page/', import.meta.url);
const page = (name: string) => readFileSync(new URL(name, pageFolder));
const types: Record<string, string> = {
  js: 'text/javascript',
  css: 'text/css',
  svg: 'image/svg+xml',
  html: 'text/html',
};
const typeOf = (name: string) => types[name.replace(/.*\./, '')] ?? 'application/octet-stream';
/** Everything that is served as it is, read once. */
const files: Record<string, { type: string; body: Buffer }> = {
  '/status': { type: 'text/html', body: page('index.html') },
  ...Object.fromEntries(
    readdirSync(pageFolder).map((name) => [`/status/assets/${name}`, { type: typeOf(name), body: page(name) }]),
  ),
  '/status/assets/uPlot.js': { type: 'text/javascript', body: readFileSync(`${uplot}uPlot.esm.js`) },
  '/status/assets/uPlot.css': { type: 'text/css', body: readFileSync(`${uplot}uPlot.min.css`) },
};

const server = createServer((req, res) => {
  setHeaders(req, res, () => undefined);
  res.setHeader('Cache-Control', 'no-store');
  answer(req, res).catch((error: Error) => {
    process.stderr.write(`${JSON.stringify({ level: 50, service: 'status', msg: error.message })}\n`);
    problem(res, 'temporarily-unavailable', 'The services, Prometheus or Alertmanager cannot be reached.');
  });
});
server.on('error', (error) => {
  process.stderr.write(`${JSON.stringify({ level: 60, service: 'status', msg: error.message })}\n`);
  process.exit(1);
});
server.keepAliveTimeout = 75_000; // longer than Nginx keeps its connections
server.listen(settings.PORT, settings.HOST);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://status');
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname;
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    res.setHeader('Allow', 'GET, HEAD, OPTIONS');
    if (req.method === 'OPTIONS') return void res.writeHead(204).end();
    return problem(res, 'method-not-allowed', 'This path supports GET, HEAD, OPTIONS.');
  }
  // Where Prometheus has no address that a person reaches (stack.yml), the links in mails to its graphs lead here: to the page that has them.
  const file = files[path === '/status/graph' ? '/status' : path];
  if (file !== undefined) return send(res, file.type, file.body);
  if (path.startsWith('/status/runbooks/')) {
    const text = runbookPage(path.slice('/status/runbooks/'.length));
    return text === undefined ? notFound(res) : send(res, 'text/html', text);
  }
  if (!path.startsWith('/status/data/')) return notFound(res);

  const verdict = await checkAccess(req);
  if (verdict === 401) {
    res.setHeader('WWW-Authenticate', 'Bearer');
    return problem(res, 'unauthenticated', 'Sign in as the admin, or send the status token.');
  }
  if (verdict === 403) return problem(res, 'forbidden', 'This is for the admin.');
  if (verdict === 429) return problem(res, 'rate-limited', 'Too many requests without the token of an admin.');
  await data(path.slice('/status/data/'.length), url, req, res);
}

async function data(what: string, url: URL, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (what === 'growth') {
    const requestId = String(req.headers['x-request-id'] ?? '');
    return json(res, await readGrowth(settings.INTERNAL_URL, req.headers.authorization ?? '', requestId));
  }
  if (what === 'now') {
    const [groups, alerts, capacity] = await Promise.all([
      readTopology(prometheus),
      firingAlerts(settings.ALERTMANAGER, password),
      readCapacity(prometheus),
    ]);
    return json(res, { groups, alerts, capacity });
  }
  if (what === 'dashboards') {
    const all = dashboards.map(({ uid, title, description }) => ({ uid, title, description }));
    return json(res, all);
  }
  const dashboard = dashboards.find(({ uid }) => `dashboards/${uid}` === what);
  if (dashboard === undefined) return notFound(res);
  const minutes = Math.min(Math.max(Number(url.searchParams.get('minutes')) || 60, 5), 7 * 24 * 60);
  const panels = await Promise.all(
    dashboard.panels.map(async (panel) =>
      panel.kind === 'row' ? panel : { ...panel, lines: await linesOf(prometheus, panel, minutes) },
    ),
  );
  const events = await eventsOf(prometheus, dashboard, minutes);
  return json(res, { uid: dashboard.uid, minutes, stepS: stepOf(minutes), panels, events });
}

function send(res: ServerResponse, type: string, body: Buffer | string): void {
  res.setHeader('Content-Type', `${type}; charset=utf-8`).end(body);
}

function json(res: ServerResponse, value: unknown): void {
  // NaN and infinity are no JSON: nothing was measured.
  send(res, 'application/json', JSON.stringify(value));
}

function notFound(res: ServerResponse): void {
  problem(res, 'not-found', 'There is no resource at this path.');
}

function problem(res: ServerResponse, code: ProblemCode, detail: string): void {
  const [status, title] = problems[code];
  const requestId = res.req.headers['x-request-id'];
  if (status === 429 || status === 503) res.setHeader('Retry-After', '1');
  res.writeHead(status, { 'Content-Type': 'application/problem+json' });
  res.end(JSON.stringify({ type: `/problems/${code}`, title, status, detail, requestId }));
}

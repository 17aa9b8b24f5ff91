/** Starts one service: `main.ts users`. Configuration, Redis, app, listen, drain; nothing else. */
import { hostname } from 'node:os';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { assemble } from './assemble.ts';
import { BadConfig } from './core/config.ts';
import { openLog } from './http/log.ts';
import { createAppServer } from './http/server.ts';
import { readServiceConfig, type ServiceModule } from './http/service.ts';
import { serviceNames } from './services.ts';

/** How long Nginx may still send requests after `/readyz` says 503, and how long running requests may take, in ms. */
const noticeMs = 500;
const drainMs = 9000;

const name = nameOrExit(process.argv[2] ?? '');
const module = (await import(`./${name}/open.ts`)) as ServiceModule;
const config = configOrExit();
// A container without a name of its own is known by its host name, which Docker shows, too.
const log = openLog(config.service, config.REPLICA || hostname(), config.LOG_LEVEL);
const { app, service, readiness, close } = assemble(config, module.open, log);
const stopBackground = service.background?.() ?? (() => undefined);

// Longer than Nginx keeps a connection to us (60 s), or it would send a request into one that we are closing.
const server = createAppServer(app, { keepAliveTimeout: 75_000, headersTimeout: 80_000, requestTimeout: 80_000 });
server.on('error', (error) => fail(error, `cannot listen on ${config.HOST}:${config.PORT}`));
server.listen(config.PORT, config.HOST, () => log.info({ port: config.PORT }, 'listening'));

process.on('SIGTERM', drain);
process.on('SIGINT', drain);
process.on('uncaughtException', (error) => fail(error, 'uncaught exception: this process ends and is started again'));
process.on('unhandledRejection', (error) => fail(error, 'unhandled rejection: this process ends and is started again'));

function nameOrExit(given: string) {
  const found = serviceNames.find((service) => service === given);
  return found ?? exitConfig(`There is no service '${given}'; the services are ${serviceNames.join(', ')}.`);
}

function configOrExit() {
  try {
    return readServiceConfig(name, module, process.env);
  } catch (error) {
    if (!(error instanceof BadConfig)) throw error;
    return exitConfig(error.message);
  }
}

function exitConfig(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(78); // EX_CONFIG of sysexits.h: starting again does not help
}

async function drain() {
  if (readiness.state() === 'draining') return;
  log.info('draining');
  readiness.drain();
  await delay(noticeMs);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await Promise.race([closed, delay(drainMs, undefined, { ref: false })]);
  stopBackground();
  close();
  log.info('stopped');
  process.exit(0);
}

function fail(error: unknown, what: string) {
  log.fatal({ err: error }, what);
  process.exit(1);
}

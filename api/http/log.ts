/** Logs: JSON lines on stdout, each request's with the id that runs through all of them; nothing secret or personal. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { destination, type Logger, pino } from 'pino';
import { type HttpLogger, pinoHttp } from 'pino-http';

/** Lines are written together, because each write takes a thread for a moment: some 70 µs of CPU. Those that wait are written at the exit. */
const together = { minLength: 12_288, periodicFlush: 100 };

/** The process's logger; SIGKILL loses up to its last 100 ms of lines. @param level pino's name of the least severe line to write */
export function openLog(service: string, replica: string, level: string): Logger {
  const options = { level, base: { service, replica }, timestamp: pino.stdTimeFunctions.isoTime };
  return pino(options, destination({ dest: 1, sync: false, ...together }));
}

/** One line for each request that is answered; none for health and metrics. */
export function requestLog(log: Logger): HttpLogger {
  const middleware = pinoHttp({
    logger: log,
    wrapSerializers: false,
    customSuccessObject: (req, res, { responseTime }) => lineOf(req, res, responseTime),
    customErrorObject: (req, res, error, { responseTime }) => ({ ...lineOf(req, res, responseTime), err: error }),
    autoLogging: { ignore: (req) => /^\/(livez|readyz|healthz|metrics)$/.test(req.url ?? '') },
    customLogLevel: (_req, res, error) =>
      error || res.statusCode >= 500 ? 'error' : res.statusCode >= 400 ? 'warn' : 'info',
  });
  // pino-http makes a logger for each request, to repeat its id in all its lines. There is only one line here as a rule, and it is made when it is written.
  Object.assign(middleware.logger, { child: () => middleware.logger });
  return middleware;
}

function lineOf(
  { id, method, originalUrl, url }: IncomingMessage & { originalUrl?: string },
  res: ServerResponse,
  responseTime: number,
) {
  const [path] = (originalUrl ?? url ?? '').split('?');
  return { requestId: id, req: { method, path }, res: { status: res.statusCode }, responseTime };
}

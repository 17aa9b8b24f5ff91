/** Logs: JSON lines on stdout, each request's with the id that runs through all of them; nothing secret or personal. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Logger, pino } from 'pino';
import { type HttpLogger, pinoHttp } from 'pino-http';

/** The process's logger. @param level pino's name of the least severe line to write */
export function openLog(service: string, replica: string, level: string): Logger {
  return pino({ level, base: { service, replica }, timestamp: pino.stdTimeFunctions.isoTime });
}

/** One line for each request that is answered; none for health and metrics. */
export function requestLog(log: Logger): HttpLogger {
  return pinoHttp({
    logger: log,
    // The line of an answer is made when it is written. By default pino-http makes a logger for each request that repeats it in all its lines.
    quietReqLogger: true,
    quietResLogger: true,
    wrapSerializers: false,
    customAttributeKeys: { reqId: 'requestId', req: 'unused' },
    serializers: { unused: () => undefined },
    customSuccessObject: (req, res, { responseTime }) => lineOf(req, res, responseTime),
    customErrorObject: (req, res, error, { responseTime }) => ({ ...lineOf(req, res, responseTime), err: error }),
    autoLogging: { ignore: (req) => /^\/(livez|readyz|healthz|metrics)$/.test(req.url ?? '') },
    customLogLevel: (_req, res, error) =>
      error || res.statusCode >= 500 ? 'error' : res.statusCode >= 400 ? 'warn' : 'info',
  });
}

function lineOf(
  { method, originalUrl, url }: IncomingMessage & { originalUrl?: string },
  res: ServerResponse,
  responseTime: number,
) {
  const [path] = (originalUrl ?? url ?? '').split('?');
  return { req: { method, path }, res: { status: res.statusCode }, responseTime };
}

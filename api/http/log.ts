/** Logs: JSON lines on stdout, each request's with the id that runs through all of them; nothing secret or personal. */
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
    quietReqLogger: true,
    customAttributeKeys: { reqId: 'requestId' },
    autoLogging: { ignore: (req) => /^\/(livez|readyz|healthz|metrics)$/.test(req.url ?? '') },
    serializers: {
      req: (req: { method: string; url: string }) => ({ method: req.method, path: req.url.split('?')[0] }),
      res: (res: { statusCode: number }) => ({ status: res.statusCode }),
    },
    customLogLevel: (_req, res, error) =>
      error || res.statusCode >= 500 ? 'error' : res.statusCode >= 400 ? 'warn' : 'info',
  });
}

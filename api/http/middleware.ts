/** General middleware: lists of middleware, paths, load shedding. */
import type { RequestHandler } from 'express';
import { refuse } from '../core/outcome.ts';
import { sendRefusal } from './errors.ts';

/** One middleware that calls these in order. Express itself compares the path of each middleware in its list with that of each request. */
export function inTurn(...handlers: readonly RequestHandler[]): RequestHandler {
  return (req, res, next) => {
    function callFrom(i: number): void {
      try {
        const result: unknown = handlers[i]?.(req, res, (error) =>
          error == null && i + 1 < handlers.length ? callFrom(i + 1) : next(error),
        );
        if (result instanceof Promise) result.catch(next);
      } catch (error) {
        next(error);
      }
    }
    callFrom(0);
  };
}

/** Calls the handler only for these paths, so that other requests do not pay for its routes. */
export function onlyFor(paths: readonly string[], handler: RequestHandler): RequestHandler {
  return (req, res, next) => (paths.includes(req.path) ? handler(req, res, next) : next());
}

/**
 * Load shedding: above `maxInFlight`, answers 503 at once so that the other requests stay fast. Internal calls have a limit of their own of the same
 * size: a purchase that has begun elsewhere must not wait behind the catalogue's readers.
 */
export function shed(maxInFlight: number): RequestHandler {
  const inFlight = { internal: 0, external: 0 };
  return (req, res, next) => {
    const kind = req.path.startsWith('/internal/') ? 'internal' : 'external';
    if (inFlight[kind] >= maxInFlight) {
      sendRefusal(res, refuse('temporarily-unavailable', 'Too many requests at once. Repeat this one in a second.'));
      return;
    }
    inFlight[kind] += 1;
    res.once('close', () => {
      inFlight[kind] -= 1;
    });
    next();
  };
}

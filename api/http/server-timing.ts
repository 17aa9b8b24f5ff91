/** `Server-Timing` (W3C) for a client that asks for it with `X-Server-Timing: 1`: which part of the work took how long. */
import type { RequestHandler, Response } from 'express';

/** Notes that a part of the work has ended, which began when the part before it ended. */
type MarkTiming = (part: 'auth' | 'limits' | 'input' | 'handler') => void;

const unmeasured: MarkTiming = () => undefined;

/** Measures from here to the headers of the answer. Only with the header, so that other answers do not pay for it. */
export const serverTiming: RequestHandler = (req, res, next) => {
  if (req.get('X-Server-Timing') === '1') res.locals.timing = measured(res);
  next();
};

/** What {@link serverTiming} measures for this request. */
export function timingOf(res: Response): MarkTiming {
  return (res.locals.timing as MarkTiming | undefined) ?? unmeasured;
}

function measured(res: Response): MarkTiming {
  const began = performance.now();
  const parts: string[] = [];
  let last = began;
  const { writeHead } = res;
  res.writeHead = ((...args: Parameters<typeof writeHead>) => {
    res.setHeader('Server-Timing', [...parts, `total;dur=${milliseconds(performance.now() - began)}`].join(', '));
    return writeHead.apply(res, args);
  }) as typeof writeHead;
  return (part) => {
    const now = performance.now();
    parts.push(`${part};dur=${milliseconds(now - last)}`);
    last = now;
  };
}

function milliseconds(duration: number): string {
  return duration.toFixed(1);
}

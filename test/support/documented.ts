/** Holds every answer of a service in http tests to the OpenAPI document: one that it does not have fails the test. */
import type { RequestListener } from 'node:http';
import { afterAll, afterEach, expect } from 'vitest';
import { faultOfAnswer } from './document.ts';

const faults: string[] = [];

for (const when of [afterEach, afterAll]) when(() => expect(faults.splice(0)).toEqual([]));

/** The same app; what it answers to clients' requests is checked before it is sent. */
export function documented(app: RequestListener): RequestListener {
  return (req, res) => {
    const chunks: Buffer[] = [];
    const { write, end } = res;
    const url = req.url ?? ''; // Express changes it
    const keep = (chunk: unknown) => {
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string));
    };
    res.write = ((...args: Parameters<typeof write>) => {
      keep(args[0]);
      return write.apply(res, args);
    }) as typeof write;
    res.end = ((...args: Parameters<typeof end>) => {
      keep(args[0]);
      const fault = faultOfAnswer({
        method: req.method ?? '',
        url,
        status: res.statusCode,
        header: (name) => (res.hasHeader(name) ? String(res.getHeader(name)) : null),
        body: Buffer.concat(chunks).toString(),
      });
      if (fault !== undefined) faults.push(`${req.method} ${url} → ${res.statusCode}: ${fault}`);
      return end.apply(res, args);
    }) as typeof end;
    app(req, res);
  };
}

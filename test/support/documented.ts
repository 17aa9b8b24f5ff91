/** Holds every answer to the OpenAPI document. A test in which the shop gives one that it does not have fails: expect-documented.ts. */
import type { RequestListener } from 'node:http';
import { type Exchange, faultOfAnswer } from './document.ts';

/** What is wrong with the answers of the present test, each in a line. */
export const answerFaults: string[] = [];

/** Checks one answer. */
export function checkAnswer(exchange: Exchange): void {
  const fault = faultOfAnswer(exchange);
  if (fault !== undefined) answerFaults.push(`${exchange.method} ${exchange.url} → ${exchange.status}: ${fault}`);
}

/** `fetch`, whose answers are checked. Only for addresses of a shop. */
export const documentedFetch: typeof fetch = async (input, init) => {
  const answer = await fetch(input, init);
  const { pathname, search } = new URL(answer.url); // of the last answer, after redirects
  checkAnswer({
    method: init?.method ?? 'GET',
    url: pathname + search,
    status: answer.status,
    header: (name) => answer.headers.get(name),
    body: await answer.clone().text(),
  });
  return answer;
};

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
      checkAnswer({
        method: req.method ?? '',
        url,
        status: res.statusCode,
        header: (name) => (res.hasHeader(name) ? String(res.getHeader(name)) : null),
        body: Buffer.concat(chunks).toString(),
      });
      return end.apply(res, args);
    }) as typeof end;
    app(req, res);
  };
}

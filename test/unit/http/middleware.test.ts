import express, { type Request, type RequestHandler, type Response } from 'express';
import supertest from 'supertest';
import { expect, test, vi } from 'vitest';
import { inTurn } from '../../../api/http/middleware.ts';
import { serverTiming } from '../../../api/http/server-timing.ts';

const note =
  (text: string): RequestHandler =>
  (_req, res, next) => {
    res.locals.notes = [...(res.locals.notes ?? []), text];
    next();
  };
const fail: RequestHandler = () => {
  throw new Error('a fault');
};
const app = (...handlers: RequestHandler[]) =>
  supertest(
    express()
      .use(inTurn(...handlers))
      .use((_req, res) => void res.json(res.locals.notes))
      .use(
        ((error, _req, res, _next) => void res.status(500).json(String(error))) satisfies express.ErrorRequestHandler,
      ),
  );

test('middleware in turn runs in its order, then what comes after it', async () => {
  expect((await app(note('a'), note('b'), note('c')).get('/')).body).toEqual(['a', 'b', 'c']);
});

test('middleware in turn ends with the one that answers', async () => {
  const answer = await app(note('a'), (_req, res) => void res.json('answered'), note('c')).get('/');
  expect(answer.body).toBe('answered');
});

test.each<[string, RequestHandler]>([
  ['thrown', fail],
  ['passed on', (_req, _res, next) => next(new Error('a fault'))],
  ['thrown after a pause', inTurn((_req, _res, next) => void setImmediate(next), fail)],
  [
    'rejected with',
    async () => {
      throw new Error('a fault');
    },
  ],
])('an error %s by one of them skips the rest', async (_how, handler) => {
  const answer = await app(note('a'), handler, note('c')).get('/');
  expect(answer.status).toBe(500);
  expect(answer.body).toBe('Error: a fault');
});

test.each([undefined, '1'])('a request goes on with X-Server-Timing: %s', (asked) => {
  const next = vi.fn();
  serverTiming({ get: () => asked } as unknown as Request, { locals: {} } as Response, next);
  expect(next).toHaveBeenCalledExactlyOnceWith();
});

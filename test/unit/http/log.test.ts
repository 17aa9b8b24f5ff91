/** The line that a service logs for each request. */
import { spawnSync } from 'node:child_process';
import express from 'express';
import { pino } from 'pino';
import supertest from 'supertest';
import { expect, test } from 'vitest';
import { requestLog } from '../../../api/http/log.ts';

type Line = {
  requestId: string;
  level: string;
  req: { method: string; path: string };
  res: { status: number };
  err?: { message: string };
};

const lines: Line[] = [];
const log = pino(
  { formatters: { level: (level) => ({ level }) } },
  { write: (line: string) => void lines.push(JSON.parse(line)) },
);
const request = supertest(
  express()
    .use((req, _res, next) => {
      req.id = 'request-1';
      next();
    })
    .use(requestLog(log))
    .get('/fails', () => {
      throw new Error('a fault');
    })
    .get('/livez', (_req, res) => void res.sendStatus(200))
    .get('/:status', (req, res) => void res.sendStatus(Number(req.params.status)))
    .use(((error, _req, res, _next) => {
      res.err = error; // as the shop's own handler hands an error to the log
      res.sendStatus(500);
    }) satisfies express.ErrorRequestHandler),
);

test.each([
  ['/200', 'info'],
  ['/304', 'info'],
  ['/404', 'warn'],
  ['/499', 'warn'],
  ['/500', 'error'],
  ['/503', 'error'],
])('GET %s is logged as %s, with its id, method, path without query, and status', async (path, level) => {
  lines.length = 0;
  await request.get(`${path}?secret=1`);
  expect(lines).toEqual([expect.objectContaining({ requestId: 'request-1', level, req: { method: 'GET', path } })]);
  expect(lines[0]?.res.status).toBe(Number(path.slice(1)));
});

test('an error is logged with its message, a question about health not at all', async () => {
  lines.length = 0;
  await request.get('/fails');
  await request.get('/livez');
  expect(lines).toMatchObject([{ level: 'error', err: { message: 'a fault' } }]);
});

test('lines that wait to be written with others are written when the process exits', () => {
  const log = new URL('../../../api/http/log.ts', import.meta.url).href;
  const program = `import { openLog } from '${log}'; openLog('users', 'users-1', 'info').info('the last line'); process.exit(1);`;
  const command = ['--import', 'tsx', '--input-type=module', '-e', program];
  const { stdout } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  expect(JSON.parse(stdout)).toMatchObject({ service: 'users', replica: 'users-1', msg: 'the last line' });
});

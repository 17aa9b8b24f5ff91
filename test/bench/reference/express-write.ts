/** Reference R4: bare Express 5; each request is one EVALSHA that writes a hash and a stream entry; scripts in groups, one WAIT 1 for each group. */
import { randomUUID } from 'node:crypto';
import express from 'express';
import { connectReference } from './redis.ts';

const source = `redis.call('HSET', KEYS[1], 'body', ARGV[1])
return redis.call('XADD', KEYS[2], 'MAXLEN', '~', 10000, '*', 'body', ARGV[1])`;

const redis = connectReference();
const sha = String(await redis.script('LOAD', source));
let waiting: { body: string; done: (id: string) => void; fail: (error: Error) => void }[] = [];
let isSending = false;

async function sendAll() {
  if (isSending) return;
  isSending = true;
  while (waiting.length > 0) {
    const group = waiting;
    waiting = [];
    const pipeline = redis.pipeline();
    for (const { body } of group) pipeline.evalsha(sha, 2, `{bench}:${randomUUID()}`, '{bench}:events', body);
    pipeline.wait(1, 5000);
    const results = (await pipeline.exec()) ?? [];
    const confirmed = Number(results.at(-1)?.[1]) >= 1;
    for (const [i, { done, fail }] of group.entries()) {
      const [error, id] = results[i] ?? [];
      if (error || !confirmed) fail(error ?? new Error('no replica confirmed'));
      else done(String(id));
    }
  }
  isSending = false;
}

const app = express();
app.disable('x-powered-by').disable('etag');
app.post('/express-write/', express.json(), async (req, res) => {
  const id = await new Promise<string>((done, fail) => {
    waiting.push({ body: JSON.stringify(req.body), done, fail });
    void sendAll();
  });
  res.status(201).json({ id });
});
app.listen(Number(process.env.PORT), '127.0.0.1');

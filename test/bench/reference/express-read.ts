/** Reference R1: bare Express 5 and ioredis with auto-pipelining; one HGETALL, as JSON. */
import express from 'express';
import { connectReference } from './redis.ts';

const redis = connectReference();
const app = express();
app.disable('x-powered-by').disable('etag');
app.get('/express-read/:id', async (req, res) => {
  res.json(await redis.hgetall(`{products}:product:${req.params.id}`));
});
app.listen(Number(process.env.PORT), '127.0.0.1');

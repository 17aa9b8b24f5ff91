/** Reference R2: node:http and ioredis with auto-pipelining; one HGETALL, as JSON. */
import { createServer } from 'node:http';
import { connectReference } from './redis.ts';

const redis = connectReference();
createServer(async (req, res) => {
  const id = req.url?.slice('/http-read/'.length);
  const body = JSON.stringify(await redis.hgetall(`{products}:product:${id}`));
  res.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) });
  res.end(body);
}).listen(Number(process.env.PORT), '127.0.0.1');

/** The connection of a reference process. */
import { Redis } from 'ioredis';

/** Connects to the node on REDIS_PORT as the operator, with auto-pipelining. */
export function connectReference(): Redis {
  return new Redis({
    port: Number(process.env.REDIS_PORT),
    username: 'operator',
    password: process.env.REDIS_PASSWORD ?? '',
    enableAutoPipelining: true,
    protocol: 2,
    disableClientInfo: true,
  });
}

/** One connection to one Redis node, set up so that it never waits on a frozen peer and never repeats a command by itself. */
import { Redis } from 'ioredis';

/** Where a node listens. */
export type Address = { readonly host: string; readonly port: number };

/** An ACL user of Redis or of a Sentinel. */
export type Credentials = { readonly username: string; readonly password: string };

/** `host:port`, also for comparing. */
export function addressText(address: Address): string {
  return `${address.host}:${address.port}`;
}

/** The address in a `host:port`. */
export function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

/**
 * Connects, and reconnects until `disconnect()`. A command fails at once while there is no connection, and within
 * 600 ms on a silent one. The caller decides what to repeat: a command reported as failed may still have run.
 * @param kind a Sentinel is asked often and answers from memory: it gets a third of the time
 */
export function connectNode(address: Address, credentials: Credentials, kind: 'redis' | 'sentinel' = 'redis'): Redis {
  const redis = new Redis({
    host: address.host,
    port: address.port,
    username: credentials.username,
    password: credentials.password,
    protocol: 2,
    disableClientInfo: true, // Redis 7.0 does not know CLIENT SETINFO, and its ACL refuses to name it
    connectTimeout: 300,
    commandTimeout: 2000, // a last resort: silence ends the connection long before
    disconnectTimeout: 50, // the default spends 2 s on a frozen peer
    keepAlive: 5000,
    retryStrategy: (times) => Math.min(10 * times, 50) + Math.random() * 20,
    maxRetriesPerRequest: 0, // with autoResend off, anything else leaves promises pending forever (ioredis#2193)
    autoResendUnfulfilledCommands: false, // or a write may run twice
    enableOfflineQueue: false,
    enableReadyCheck: kind === 'redis',
  });
  redis.on('error', () => undefined); // every command reports its own failure; the Sentinels say which node is down
  redis.on('connect', () => endWhenSilent(redis, kind === 'redis' ? 500 : 250)); // longer than WAIT's 50 ms and XREAD's 300 ms
  return redis;
}

/** A connection that was never opened: every command on it fails at once. */
export function closedNode(): Redis {
  const redis = new Redis({ lazyConnect: true, enableOfflineQueue: false });
  redis.disconnect();
  return redis;
}

const checkIntervalMs = 50;

/** A connection that is watched for silence. */
type Watched = {
  readonly redis: Redis;
  /** The connection's own: `redis` has another one after it has connected again. */
  readonly stream: Redis['stream'];
  readonly silentMs: number;
  silentForMs: number;
};

const watched = new Set<Watched>();
let timer: NodeJS.Timeout | undefined;

/**
 * Ends a connection on which answers are due and nothing has come for `silentMs`. ioredis' own socketTimeout takes a busy process of
 * ours for a silent peer, and so makes it busier: here only time counts in which this process could have heard something.
 */
function endWhenSilent(redis: Redis, silentMs: number): void {
  const { stream } = redis;
  const connection = { redis, stream, silentMs, silentForMs: 0 };
  stream.on('data', () => {
    connection.silentForMs = 0;
  });
  watched.add(connection);
  timer ??= setInterval(checkAll, checkIntervalMs).unref(); // one for all connections: a process has a dozen
  stream.once('close', () => {
    watched.delete(connection);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  });
}

function checkAll(): void {
  for (const connection of watched) {
    const { redis, stream, silentMs } = connection;
    connection.silentForMs = redis.commandQueue.length === 0 ? 0 : connection.silentForMs + checkIntervalMs;
    if (connection.silentForMs >= silentMs) stream.destroy(new Error(`nothing heard for ${silentMs} ms`));
  }
}

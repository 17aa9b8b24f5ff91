/** A service's way to Redis: writes on the master, reads on replicas, other services' events; all found through the Sentinels. */
import type { Redis } from 'ioredis';
import { watchMemory } from './memory.ts';
import { connectNode } from './node.ts';
import { openReads, type Reads } from './reads.ts';
import { watchSentinels } from './sentinels.ts';
import { type StreamEntry, type Tail, tailStream } from './tail.ts';
import { followMaster, openWrites, type Writes } from './writes.ts';

/** See {@link openRedis}. */
export type ShopRedis = {
  readonly writes: Writes;
  readonly reads: Reads;
  /** See {@link tailStream}. */
  tail(stream: string, sinceMs: number, handle: (entry: StreamEntry) => void): Tail;
  /** A connection to the present master for what may be lost (counters of the rate limits); `undefined` while there is none. */
  scratch(): Redis | undefined;
  /** Whether Redis has room for what makes the shop larger. */
  mayGrow(): boolean;
  close(): void;
};

/** Where Redis is and who we are to it. */
export type RedisSettings = {
  readonly sentinels: readonly string[];
  readonly masterName: string;
  readonly sentinelPassword: string;
  readonly username: string;
  readonly password: string;
};

/** Opens everything; returns at once. What is asked before a master is found waits until its own deadline. */
export function openRedis(settings: RedisSettings): ShopRedis {
  const sentinels = watchSentinels(settings.sentinels, settings.sentinelPassword, settings.masterName);
  const connect = (address: Parameters<typeof connectNode>[0]) => connectNode(address, settings);
  const forWrites = followMaster(sentinels, connect);
  const forScratch = followMaster(sentinels, connect);
  const reads = openReads(sentinels, connect);
  const tails: Tail[] = [];
  const scratch = () => {
    const redis = forScratch.link()?.redis;
    return redis?.status === 'ready' ? redis : undefined;
  };
  const memory = watchMemory(scratch);
  return {
    writes: openWrites(forWrites.link, sentinels),
    reads,
    tail(stream, sinceMs, handle) {
      const tail = tailStream(stream, sinceMs, handle, sentinels, connect);
      tails.push(tail);
      return tail;
    },
    scratch,
    mayGrow: memory.mayGrow,
    close() {
      memory.close();
      for (const tail of tails) tail.close();
      reads.close();
      forWrites.close();
      forScratch.close();
      sentinels.close();
    },
  };
}

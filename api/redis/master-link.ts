/** A connection that follows the master. */
import type { Redis } from 'ioredis';
import { type Address, addressText } from './node.ts';
import type { Sentinels } from './sentinels/sentinels.ts';

/** The present master and the connection to it; `undefined` until a Sentinel has named one. */
export type MasterLink = () => { readonly address: Address; readonly redis: Redis } | undefined;

/** Keeps one connection to the master that the Sentinels name, and drops it at once when they name another. */
export function followMaster(
  sentinels: Pick<Sentinels, 'onMaster'>,
  connect: (address: Address) => Redis,
): { link: MasterLink; close(): void } {
  let current: { address: Address; redis: Redis } | undefined;
  const stop = sentinels.onMaster((address) => {
    if (current !== undefined && addressText(current.address) === addressText(address)) return;
    current?.redis.disconnect();
    current = { address, redis: connect(address) };
  });
  return {
    link: () => current,
    close() {
      stop();
      current?.redis.disconnect();
    },
  };
}

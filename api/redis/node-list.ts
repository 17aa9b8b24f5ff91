/** The Redis nodes that a service may connect to. A connection begins with the service's password, so the Sentinels alone do not decide. */
import { type Address, addressText } from './node.ts';

/** See {@link createNodeList}. */
export type NodeList = { readonly all: ReadonlySet<string>; includes(address: Address): boolean };

/**
 * The nodes of the setting REDIS_NODES.
 * @param log called once for each other address that a Sentinel names
 */
export function createNodeList(addresses: readonly string[], log: (event: string) => void): NodeList {
  const listed = new Set(addresses);
  const reported = new Set<string>();
  return {
    all: listed,
    includes(address) {
      const text = addressText(address);
      if (listed.has(text)) return true;
      // Bounded: a Sentinel under a foreign hand could name a new address each time.
      if (!reported.has(text) && reported.size < 100) {
        reported.add(text);
        log(
          `a Sentinel names the Redis node ${text}, which is not in REDIS_NODES: this service does not connect to it`,
        );
      }
      return false;
    },
  };
}

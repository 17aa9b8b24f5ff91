/** A shop with one purchase a second: a failover that only the services can ask for has to come all the same. */
import { cutFault, serviceReplicas } from './cuts.ts';
import type { Fault } from './fault.ts';
import { linksBetween } from './network.ts';

const oneASecond = { buyers: 1, buyerEveryMs: 1000, onlyPurchases: true, readers: 0, withOthers: false };
/** 6 s without a master that can be reached, up to a second until the next purchase is due, and the three writes of a purchase, one after the other. */
const promise = { failedFirstTries: 'only 503', longestGapMs: 8000 } as const;

/** See the names. */
export const lowTrafficFaults: readonly Fault[] = [
  {
    ...cutFault('one purchase a second: master cut from the services, 20 s', promise, 20_000, async ({ cluster }) => {
      const master = await cluster.master();
      return { what: `${master} from all services`, links: linksBetween([master], serviceReplicas(cluster)) };
    }),
    load: oneASecond,
  },
  {
    ...cutFault('one purchase a second: master cut from its replicas, 20 s', promise, 20_000, async ({ cluster }) => {
      const master = await cluster.master();
      return { what: `${master} from its replicas`, links: linksBetween([master], await cluster.replicas()) };
    }),
    load: oneASecond,
  },
];

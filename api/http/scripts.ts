/** The scripts of the limits and of the users' growth. They run without waiting for replicas: what they count may be lost in a failover. */
import { defineScript } from '../redis/define-script.ts';

const fileOf = (name: string) => new URL(`./lua/${name}.lua`, import.meta.url);

/** Each is explained in the head of its file. All run while Redis is full: what they keep is small and ends by itself. */
export const scripts = {
  count: defineScript(fileOf('count'), {
    keys: ['...counters'],
    args: ['...charges'],
    replies: { counted: ['...counts'], refused: ['...counts'] },
    whenFull: 'go-on',
  }),
  share: defineScript(fileOf('share'), {
    keys: ['...windows'],
    args: ['replica', 'windowMs', '...points'],
    replies: { shared: ['...sums'] },
    whenFull: 'go-on',
  }),
  growth: defineScript(fileOf('growth'), {
    keys: ['day'],
    args: ['mostUsers', 'keptMs', '...bytes'],
    replies: { added: [] },
    whenFull: 'go-on',
  }),
};

/** The scripts of purchases. */
import { defineKeyedScript, defineScript } from '../redis/define-script.ts';
import { listKey } from './keys.ts';
import type { Status } from './schema.ts';

const fileOf = (name: string) => new URL(`./lua/${name}.lua`, import.meta.url);
const include = new URL('./prelude.lua', import.meta.url);

/** The purchase as it is now: field, value, ... */
const fields = ['...fields'] as const;
const step = { applied: fields, unchanged: fields, missing: [], 'old-format': [] } as const;

/** Each is explained in the head of its file. All but `begin` finish what was begun, so they run while Redis is full. */
export const scripts = {
  begin: defineKeyedScript(fileOf('begin'), {
    keys: ['purchase', 'pending', 'allPending', 'ownPending'],
    args: ['id', 'owner', 'requested', 'currency', 'created'],
    replies: { begun: ['id'] },
  }),
  complete: defineScript(fileOf('complete'), {
    keys: ['purchase', 'stream', 'pending', 'allPending', 'allCompleted', 'ownPending', 'ownCompleted'],
    args: ['id', 'request', 'items', 'reserved', 'completed'],
    replies: step,
    whenFull: 'go-on',
    include,
  }),
  fail: defineScript(fileOf('fail'), {
    keys: ['purchase', 'stream', 'pending', 'ending', 'allPending', 'allFailed', 'ownPending', 'ownFailed'],
    args: ['id', 'request', 'failure', 'failed', 'keptMs'],
    replies: step,
    whenFull: 'go-on',
    include,
  }),
  cancel: defineKeyedScript(fileOf('cancel'), {
    keys: [
      'purchase',
      'pending',
      'releases',
      'allPending',
      'allCompleted',
      'allCancelled',
      'ownPending',
      'ownCompleted',
      'ownCancelled',
    ],
    args: ['id', 'tags', 'by', 'cancelled'],
    replies: { cancelled: fields, unchanged: fields, failed: fields, missing: [], stale: [], 'old-format': [] },
    olderResults: { kept: 'unchanged' }, // 5eb7839
    whenFull: 'go-on',
    include,
  }),
  released: defineScript(fileOf('released'), {
    keys: ['purchase', 'releases', 'oldReleases'],
    args: ['id', 'released'],
    replies: { released: [], missing: [], 'old-format': [] },
    whenFull: 'go-on',
    include,
  }),
  confirm: defineScript(fileOf('confirm'), {
    keys: ['purchase'],
    args: [],
    replies: { unchanged: fields, missing: [] },
    whenFull: 'go-on',
    include,
  }),
  forget: defineScript(fileOf('forget'), {
    keys: ['purchase', 'ending', 'allFailed', 'ownFailed'],
    args: ['id'],
    replies: { deleted: [], unchanged: [] },
    whenFull: 'go-on',
  }),
  rewrite: defineScript(fileOf('rewrite'), {
    keys: ['purchase', 'list', '...lists'],
    args: ['id'],
    replies: { rewritten: [], unchanged: [] },
    whenFull: 'go-on',
  }),
};

type ListName<S extends Status> = `${'all' | 'own'}${Capitalize<S>}`;

/** The lists that know a purchase by its status, by the names that the scripts give them: `allPending`, and `ownPending` of its owner. */
export function statusLists<S extends Status>(userId: string, ...statuses: readonly S[]): Record<ListName<S>, string> {
  const named = statuses.flatMap((status) => {
    const name = status.charAt(0).toUpperCase() + status.slice(1);
    return [
      [`all${name}`, listKey('all', status)],
      [`own${name}`, listKey(userId, status)],
    ];
  });
  return Object.fromEntries(named);
}

/** Reads: read-your-writes, monotonic reads, bounded staleness without a token, and no access to other users' purchases. */
import type { Attempt, History, Operation } from '../history/history.ts';
import { outcomeOf } from '../history/outcome.ts';
import { type Violation, violation } from './violation.ts';

/** A read at a service may be this old, in ms; of one with a token that is not the writer's, no more is asked. */
const serviceStaleMs = 1000;
/** A read without a token may have been in Nginx's cache besides. */
const staleMs = 3000;

/**
 * How old an answer may be, in ms. One that Nginx gave because no replica answered may be as old as it says: its age is in whole seconds, and
 * begins when the service answered.
 */
function allowedAgeMs({ actor, userId }: Operation, { staleSeconds }: Attempt): number {
  if (actor === 'admin') return 0;
  if (userId !== undefined) return serviceStaleMs;
  return staleSeconds === undefined ? staleMs : Math.max(staleMs, 1000 * (staleSeconds + 1) + serviceStaleMs);
}

/** Checks every read of the history against what was known when it began. */
export function checkReads(history: History): Violation[] {
  return [
    ...history.fixtures.users.flatMap(({ userId }) => checkOwn(history, userId)),
    ...checkForeign(history),
    ...checkVersions(history),
  ];
}

type Fact = { readonly atMs: number; readonly id: string; readonly cancelled: boolean };
type Read = { readonly operation: Operation; readonly attempt: Attempt };

/** Read your writes, and monotonic reads: a fact is known from when this user heard of it, by an answer or a read. */
function checkOwn(history: History, userId: string): Violation[] {
  const mine = history.operations.filter((operation) => operation.userId === userId);
  const facts = mine.flatMap(factsOf).sort((a, b) => a.atMs - b.atMs);
  const reads = mine
    .flatMap((operation) => operation.attempts.map((attempt): Read => ({ operation, attempt })))
    .filter(({ operation, attempt }) => /^read-(purchase|own-list)$/.test(operation.kind) && isAnswer(attempt))
    .sort((a, b) => a.attempt.invokedMs - b.attempt.invokedMs);
  const found: Violation[] = [];
  const known = new Map<string, { cancelled: boolean }>();
  let next = 0;
  for (const { operation, attempt } of reads) {
    for (let fact = facts[next]; fact !== undefined && fact.atMs <= attempt.invokedMs; fact = facts[++next]) {
      known.set(fact.id, { cancelled: fact.cancelled || (known.get(fact.id)?.cancelled ?? false) });
    }
    if (operation.kind === 'read-purchase') found.push(...checkSingle(operation, attempt, known));
    else found.push(...checkList(operation, attempt, known, userId));
  }
  return found;
}

function factsOf(operation: Operation): Fact[] {
  const outcome = outcomeOf(operation);
  if (outcome.kind !== 'ok') return [];
  const { atMs } = outcome;
  const {
    id = '',
    status,
    data,
  } = outcome.body as { id?: string; status?: string; data?: { id: string; status: string }[] };
  if (operation.kind === 'read-own-list') {
    return (data ?? []).flatMap((item) =>
      item.status === 'completed' || item.status === 'cancelled'
        ? [{ atMs, id: item.id, cancelled: item.status === 'cancelled' }]
        : [],
    );
  }
  if (!['purchase', 'cancel', 'read-purchase'].includes(operation.kind)) return [];
  return [{ atMs, id, cancelled: status === 'cancelled' }];
}

function checkSingle(
  operation: Operation,
  { status, body }: Attempt,
  known: ReadonlyMap<string, { cancelled: boolean }>,
): Violation[] {
  const { purchaseId = '' } = operation.about;
  const fact = known.get(purchaseId);
  if (fact === undefined) return [];
  const seen = status === 200 ? (body as { status: string }).status : `${status}`;
  if (seen === 'cancelled' || (seen === 'completed' && !fact.cancelled)) return [];
  const expected = fact.cancelled ? 'cancelled' : 'there';
  return [
    violation(
      'lost',
      'own writes are read back',
      `purchase ${purchaseId} is ${expected}, request ${operation.op} saw ${seen}`,
    ),
  ];
}

/** The page is the newest part of the list: whatever is known and newer than its last item must be on it. */
function checkList(
  operation: Operation,
  { status, body }: Attempt,
  known: ReadonlyMap<string, { cancelled: boolean }>,
  userId: string,
): Violation[] {
  if (status !== 200) return [violation('wrong', 'own lists can be read', `request ${operation.op}: ${status}`)];
  const { data, nextCursor } = body as {
    data: { id: string; userId: string; status: string }[];
    nextCursor: string | null;
  };
  const found: Violation[] = [];
  const states = new Map(data.map((item) => [item.id, item.status]));
  const last = nextCursor === null ? '' : (data.at(-1)?.id ?? '');
  for (const [id, fact] of known) {
    if (id <= last) continue;
    const seen = states.get(id) ?? 'nothing';
    if (seen === 'cancelled' || (seen === 'completed' && !fact.cancelled)) continue;
    const what = `purchase ${id} in the list of request ${operation.op}: ${seen}`;
    found.push(violation('lost', 'own writes are read back, in lists too', what));
  }
  for (const item of data) {
    if (item.userId !== userId)
      found.push(violation('wrong', 'users see only their own purchases', `request ${operation.op}: ${item.id}`));
  }
  return found;
}

function checkForeign(history: History): Violation[] {
  return history.operations.flatMap((operation) => {
    if (operation.kind !== 'read-foreign') return [];
    const seen = operation.attempts.find(({ status }) => status !== undefined && status < 500 && status !== 404);
    if (seen === undefined) return [];
    return [violation('wrong', 'users see only their own purchases', `request ${operation.op}: ${seen.status}`)];
  });
}

/** A product's name counts its changes: the admin sees at least the last one acknowledged, others one as old as {@link allowedAgeMs}. */
function checkVersions(history: History): Violation[] {
  const changes = new Map<string, { atMs: number; version: number }[]>();
  for (const operation of history.operations) {
    const outcome = outcomeOf(operation);
    if (operation.kind !== 'change-product' || outcome.kind !== 'ok') continue;
    const { productId = '', version = 0 } = operation.about;
    changes.set(productId, [...(changes.get(productId) ?? []), { atMs: outcome.atMs, version }]);
  }
  return history.operations.flatMap((operation) => {
    const of = changes.get(operation.about.productId ?? '');
    if (operation.kind !== 'read-product' || of === undefined) return [];
    return operation.attempts.flatMap((attempt) => {
      const { invokedMs, status, body } = attempt;
      if (status !== 200) return [];
      const before = invokedMs - allowedAgeMs(operation, attempt);
      const due = Math.max(0, ...of.filter(({ atMs }) => atMs <= before).map(({ version }) => version));
      const seen = versionIn((body as { name: string }).name);
      if (seen >= due) return [];
      const what = `${operation.about.productId}: request ${operation.op} of ${operation.actor} saw v${seen}, v${due} was acknowledged`;
      return [
        violation(
          'lost',
          operation.actor === 'admin' ? 'own writes are read back' : 'reads are as new as promised',
          what,
        ),
      ];
    });
  });
}

/** The number in a name such as `chaos-7 v3`. */
export function versionIn(name: string): number {
  return Number(/ v(\d+)$/.exec(name)?.[1] ?? -1);
}

function isAnswer({ status }: Attempt): boolean {
  return status !== undefined && status < 500 && status !== 429;
}

/** Sessions: a token works until its sign-in is ended or its role taken away, and stops within a second of the answer that says so. */
import type { Attempt, History, Operation } from '../history/history.ts';
import { hasFailed, outcomeOf } from '../history/outcome.ts';
import { type Violation, violation } from './violation.ts';

/** How long a token may still be accepted after the answer that ended it, in ms. */
const graceMs = 1000;

/** From when something may have happened, and from when it surely has. */
type Change = { readonly possibleFromMs: number; readonly certainFromMs: number };

/** Checks every use of a token against the sign-outs, password changes, demotions and deletions of the history. */
export function checkSessions(history: History): Violation[] {
  const { operations } = history;
  const ended = new Map<string, Change>();
  const demoted = new Map<string, Change>();
  const deleted = new Map<string, Change>();
  const passwordChanged = new Map<string, Change>();
  for (const operation of operations) {
    const { ends = [], subjectId = '', deletes, changesPassword } = operation.about;
    for (const session of ends) note(ended, session, operation);
    if (operation.kind === 'demote') note(demoted, subjectId, operation);
    if (deletes) note(deleted, subjectId, operation);
    if (changesPassword) note(passwordChanged, subjectId, operation);
  }
  return [
    ...operations.flatMap((operation) => checkUse(operation, ended, demoted)),
    ...operations.flatMap((operation) => checkSignIn(operation, deleted, passwordChanged)),
    ...operations.flatMap((operation) => checkEnding(operation, ended, deleted)),
    ...checkRefreshes(operations, ended),
  ];
}

function note(changes: Map<string, Change>, name: string, operation: Operation): void {
  const outcome = outcomeOf(operation);
  const isReuse = operation.kind === 'reuse'; // answered by 401, and that ends the sign-in
  const isRefused = outcome.kind === 'fail' && !isReuse;
  if (isRefused && operation.attempts.length === 1) return; // an earlier attempt may have done it
  const before = changes.get(name);
  const certainFromMs = outcome.kind === 'info' || isRefused ? Number.POSITIVE_INFINITY : outcome.atMs;
  changes.set(name, {
    possibleFromMs: Math.min(before?.possibleFromMs ?? Number.POSITIVE_INFINITY, operation.attempts[0]?.invokedMs ?? 0),
    certainFromMs: Math.min(before?.certainFromMs ?? Number.POSITIVE_INFINITY, certainFromMs),
  });
}

function answersOf({ attempts }: Operation): (Attempt & { status: number; endedMs: number })[] {
  return attempts.flatMap((attempt) =>
    attempt.status === undefined || attempt.endedMs === undefined || hasFailed(attempt)
      ? []
      : [{ ...attempt, status: attempt.status, endedMs: attempt.endedMs }],
  );
}

function checkUse(
  operation: Operation,
  ended: ReadonlyMap<string, Change>,
  demoted: ReadonlyMap<string, Change>,
): Violation[] {
  const { session = '', subjectId = '' } = operation.about;
  if (operation.kind !== 'session-use' && operation.kind !== 'admin-use') return [];
  const name = `${operation.method} ${operation.path}, request ${operation.op} of sign-in ${session}`;
  return answersOf(operation).flatMap(({ status, invokedMs, endedMs }) => {
    const end = ended.get(session);
    if (end !== undefined && status !== 401 && invokedMs > end.certainFromMs + graceMs) {
      const lateMs = Math.round(invokedMs - end.certainFromMs);
      return [violation('wrong', 'a token that was ended is refused', `${name}: ${status}, ${lateMs} ms afterwards`)];
    }
    if (status === 401 && endedMs < (end?.possibleFromMs ?? Number.POSITIVE_INFINITY)) {
      return [violation('wrong', 'a token works until it is ended', `${name}: 401`)];
    }
    if (operation.kind !== 'admin-use' || status === 401) return [];
    const demotion = demoted.get(subjectId);
    if (demotion !== undefined && status !== 403 && invokedMs > demotion.certainFromMs + graceMs) {
      const lateMs = Math.round(invokedMs - demotion.certainFromMs);
      return [violation('wrong', 'a demoted admin is refused', `${name}: ${status}, ${lateMs} ms afterwards`)];
    }
    if (status === 403 && endedMs < (demotion?.possibleFromMs ?? Number.POSITIVE_INFINITY)) {
      return [violation('wrong', 'an admin stays one until demoted', `${name}: 403`)];
    }
    return [];
  });
}

function checkSignIn(
  operation: Operation,
  deleted: ReadonlyMap<string, Change>,
  passwordChanged: ReadonlyMap<string, Change>,
): Violation[] {
  if (operation.kind !== 'sign-in') return [];
  const { subjectId = '', password } = operation.about;
  const deletion = deleted.get(subjectId);
  return answersOf(operation).flatMap(({ status, invokedMs, endedMs }) => {
    const name = `request ${operation.op}: ${status}`;
    if (status < 300 && deletion !== undefined && invokedMs > deletion.certainFromMs) {
      return [violation('wrong', 'a deleted user cannot sign in', name)];
    }
    const change = passwordChanged.get(subjectId);
    if (status < 300 && password === 'wrong' && change !== undefined && invokedMs > change.certainFromMs) {
      return [violation('wrong', 'the old password does not sign in', name)];
    }
    const mayBeDeleted = endedMs >= (deletion?.possibleFromMs ?? Number.POSITIVE_INFINITY);
    if (status === 401 && password === 'right' && !mayBeDeleted) {
      return [violation('lost', 'the right password signs in', name)];
    }
    return [];
  });
}

/** What ends sign-ins is not refused, unless the sign-in that asks, or the user, had been ended before. */
function checkEnding(
  operation: Operation,
  ended: ReadonlyMap<string, Change>,
  deleted: ReadonlyMap<string, Change>,
): Violation[] {
  const { session = '', subjectId = '', ends } = operation.about;
  if (ends === undefined && operation.kind !== 'demote' && operation.kind !== 'promote') return [];
  const outcome = outcomeOf(operation);
  if (operation.kind === 'reuse') {
    if (outcome.kind !== 'ok') return [];
    return [
      violation('wrong', 'a used refresh token is refused', `request ${operation.op} of ${ends}: ${outcome.status}`),
    ];
  }
  if (outcome.kind !== 'fail') return [];
  const begunMs = operation.attempts[0]?.invokedMs ?? 0;
  const wasPossible = (change: Change | undefined) => change !== undefined && change.possibleFromMs < begunMs;
  const endedByOther = wasPossible(ended.get(session));
  const deletedByOther = wasPossible(deleted.get(subjectId));
  if (endedByOther || deletedByOther) return [];
  const what = `${operation.method} ${operation.path}, request ${operation.op}: ${outcome.status} after ${operation.attempts.length} tries`;
  return [violation('wrong', 'what ends a sign-in or a role is carried out', what)];
}

/** The same refresh token, repeated, gives the same session; a present one is accepted until the sign-in ends. */
function checkRefreshes(operations: readonly Operation[], ended: ReadonlyMap<string, Change>): Violation[] {
  const found: Violation[] = [];
  const answers = new Map<string, string>();
  for (const operation of operations) {
    const { session = '', refreshOf } = operation.about;
    if (operation.kind !== 'refresh' || refreshOf === undefined) continue;
    const outcome = outcomeOf(operation);
    if (outcome.kind === 'fail' && outcome.atMs < (ended.get(session)?.possibleFromMs ?? Number.POSITIVE_INFINITY)) {
      found.push(
        violation('lost', 'a refresh token works until its sign-in ends', `request ${operation.op}: ${outcome.status}`),
      );
    }
    if (outcome.kind !== 'ok') continue;
    const { refreshToken } = outcome.body as { refreshToken: string };
    const before = answers.get(refreshOf) ?? refreshToken;
    if (before !== refreshToken) {
      found.push(
        violation('doubled', 'one session for each refresh token', `request ${operation.op} of sign-in ${session}`),
      );
    }
    answers.set(refreshOf, refreshToken);
  }
  return found;
}

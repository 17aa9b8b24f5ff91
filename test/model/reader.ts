/**
 * The read path of a service, as api/redis/reads/reads.ts has it: an index, a node that has reached it, and the proof that what it shows is
 * durable (reads with a token) or new enough (reads without). What is decided is decided by api/redis/reads/read-rules.ts.
 */

import {
  covers,
  indexOfReplicas,
  isFreshEnough,
  isReusable,
  judgeSnapshot,
  type ReadIndex,
} from '../../api/redis/reads/read-rules.ts';
import type { Role } from '../../api/redis/role.ts';
import type { SentinelPeriods } from '../../api/redis/sentinels/election.ts';
import type { Promises } from './promises.ts';
import { proveClaim } from './proof.ts';
import { askByRole, askRoles, type OnSnapshot, readNode, type Snapshot, timeoutMs, tryNodes } from './read-nodes.ts';
import { acknowledgedOffsets } from './redis-commands.ts';
import { later, request } from './requests.ts';
import type { Rule } from './rules.ts';
import { askByInfo, historyOf, namedAtMs, nodeOf, replicasOf, type Service, serviceMs } from './services.ts';

export type ReaderParts = {
  readonly service: Service;
  readonly rule: Rule;
  readonly periods: SentinelPeriods;
  readonly promises: Promises;
  /** A read did not show what it had to. */
  readonly onMissing: (kind: ReadKind, id: number, node: string) => void;
};

/** With a token: all that was promised before. Without: all that was acknowledged more than a second before the answer. */
export type ReadKind = 'with a token' | 'without a token';

const deadlineMs = 3000;
const proofMs = 800;
const maxStalenessMs = 1000;

/** Reads one after the other, `everyMs()` apart at least. @returns the function that stops it */
export function startReader(parts: ReaderParts, kind: ReadKind, everyMs: () => number, firstMs: number): () => void {
  const { service, promises } = parts;
  const { sim } = service;
  const known: Known = { latest: undefined, followedAtMs: Number.NEGATIVE_INFINITY };
  let isStopped = false;

  function read(): void {
    if (!isStopped) attempt(sim.nowMs, serviceMs(service) + deadlineMs);
  }

  function attempt(startedAtMs: number, untilMs: number): void {
    readOnce(parts, kind, known, (snapshot) => {
      if (snapshot === undefined && serviceMs(service) < untilMs && !isStopped)
        return later(service, 20, () => attempt(startedAtMs, untilMs));
      if (snapshot !== undefined) judge(snapshot, startedAtMs);
      later(service, everyMs(), read);
    });
  }

  function judge({ log, count, node }: Snapshot, startedAtMs: number): void {
    const isOwn = kind === 'with a token';
    const missing = promises.missing(log, count, isOwn ? startedAtMs : sim.nowMs - maxStalenessMs, isOwn);
    if (missing !== undefined) parts.onMissing(kind, missing.id, node);
    if (!isOwn) return;
    const shown = promises.show(log, count, sim.nowMs, service.process.name);
    if (shown.length > 0)
      sim.trace?.(`${service.process.name} shows ${shown}, not acknowledged yet, on ${node}`, shown);
  }

  later(service, firstMs, read);
  return () => {
    isStopped = true;
  };
}

type Known = { latest: ReadIndex | undefined; followedAtMs: number };

/** By the master's index, else by that of the replicas. */
function readOnce(parts: ReaderParts, kind: ReadKind, known: Known, onSnapshot: OnSnapshot): void {
  const { service } = parts;
  const byReplicas = () => {
    service.hurriedUntilMs = serviceMs(service) + 500;
    const { master } = service.view;
    const atMs = serviceMs(service);
    askRoles(service, master, askByInfo, (roles) =>
      readBy(
        parts,
        kind,
        known,
        indexOfReplicas(master, replicasOf(service, master), roles, historyOf(service, master), atMs),
        onSnapshot,
      ),
    );
  };
  const byMaster = (index: ReadIndex | undefined) =>
    readBy(parts, kind, known, index, (snapshot) => (snapshot === undefined ? byReplicas() : onSnapshot(snapshot)));
  if (kind === 'without a token' && isReusable(known.latest, serviceMs(service))) {
    byMaster(known.latest);
    return;
  }
  if (kind === 'with a token') readTogether(parts, known, byMaster, onSnapshot, byReplicas);
  else askIndex(service, known, byMaster);
}

/** The master's index. */
function askIndex(service: Service, known: Known, onIndex: (index: ReadIndex | undefined) => void): void {
  const { master } = service.view;
  const atMs = serviceMs(service);
  askByRole(service, master, (role) => {
    if (role?.state === 'master') known.latest = { master, offset: role.offset, atMs };
    onIndex(role?.state === 'master' ? known.latest : undefined);
  });
}

/** All questions of a read with a token leave together (`queryByMaster` of production). @param otherwise reads by the index alone */
function readTogether(
  parts: ReaderParts,
  known: Known,
  otherwise: (index: ReadIndex | undefined) => void,
  onSnapshot: OnSnapshot,
  byReplicas: () => void,
): void {
  const { service } = parts;
  const { master } = service.view;
  const replicas = replicasOf(service, master);
  const first = replicas[service.sim.random() < 0.5 ? 0 : replicas.length - 1] ?? master;
  let index: ReadIndex | undefined;
  let snapshot: Snapshot | undefined;
  let roles: ReadonlyMap<string, Role> = new Map();
  let missing = 3;

  function answered(): void {
    missing -= 1;
    if (missing > 0) return;
    if (index === undefined || snapshot === undefined || !covers(snapshot.role, index, first)) {
      otherwise(index);
      return;
    }
    const found = snapshot;
    const together = new Map([...roles, [first, found.role]]);
    const verdict = judgeSnapshot(found.role.offset, index, replicas, together, new Map(), serviceMs(service));
    const finish = (isDurable: boolean) => (isDurable ? onSnapshot(found) : byReplicas());
    if (verdict === 'durable') finish(true);
    else proveSnapshot(parts, index, found.role.offset, finish);
  }

  askIndex(service, known, (asked) => {
    index = asked;
    answered();
  });
  readNode(service, first, (read) => {
    snapshot = read;
    answered();
  });
  askRoles(service, master, askByRole, (asked) => {
    roles = asked;
    answered();
  });
}

function readBy(
  parts: ReaderParts,
  kind: ReadKind,
  known: Known,
  index: ReadIndex | undefined,
  onSnapshot: OnSnapshot,
): void {
  const { service } = parts;
  if (index === undefined) {
    onSnapshot(undefined);
    return;
  }
  const replicas = replicasOf(service, index.master ?? service.view.master);
  const order = service.sim.random() < 0.5 ? replicas : replicas.reverse();
  tryNodes(service, index, index.master === undefined ? order : [...order, index.master], (snapshot) => {
    if (snapshot === undefined) return onSnapshot(undefined);
    const finish = (isGood: boolean) => onSnapshot(isGood ? snapshot : undefined);
    if (kind === 'with a token') proveSnapshot(parts, index, snapshot.role.offset, finish);
    else proveFresh(service, known, index, finish);
  });
}

/** Whether no failover can undo what was read. */
function proveSnapshot(
  parts: ReaderParts,
  index: ReadIndex,
  offset: number,
  onProved: (isDurable: boolean) => void,
): void {
  const { service } = parts;
  const untilMs = serviceMs(service) + proofMs;
  const master = index.master ?? service.view.master;
  const replicas = replicasOf(service, master);
  const finish = (verdict: ReturnType<typeof judgeSnapshot>): void => {
    if (typeof verdict === 'object') {
      const { claim, mayCatchUp } = verdict;
      // Production ends this search at the first doubt that will not pass.
      const proveUntilMs = mayCatchUp ? Math.min(untilMs, serviceMs(service) + 200) : untilMs;
      proveClaim(parts, claim, proveUntilMs, (isDurable) => {
        const isOver = !mayCatchUp || service.view.master !== master || serviceMs(service) >= untilMs;
        if (isDurable || isOver) onProved(isDurable);
        else later(service, 10, ask);
      });
      return;
    }
    if (verdict !== 'ask-again' || serviceMs(service) >= untilMs) {
      onProved(verdict === 'durable');
      return;
    }
    later(service, 10, ask);
  };
  const ask = (): void =>
    askRoles(service, master, index.master === undefined ? askByInfo : askByRole, (roles) => {
      const verdict = judgeSnapshot(offset, index, replicas, roles, new Map(), serviceMs(service));
      if (verdict === 'durable' || index.master === undefined) return finish(verdict);
      const node = nodeOf(service, master);
      const acknowledged = (reply: (offsets: ReadonlyMap<string, number>) => void) => reply(acknowledgedOffsets(node));
      request<ReadonlyMap<string, number>>(service, node.process, timeoutMs, acknowledged, (offsets) =>
        finish(judgeSnapshot(offset, index, replicas, roles, offsets ?? new Map(), serviceMs(service))),
      );
    });
  ask();
}

/** Whether the answer is at most a second old, by the Sentinels or because every other node follows the master. */
function proveFresh(service: Service, known: Known, index: ReadIndex, onProved: (isFresh: boolean) => void): void {
  const { master } = index;
  if (master === undefined) {
    onProved(true);
    return;
  }
  const isFresh = () =>
    isFreshEnough(index, Math.max(namedAtMs(service, master), known.followedAtMs), serviceMs(service));
  if (isFresh()) {
    onProved(true);
    return;
  }
  const atMs = serviceMs(service);
  askRoles(service, master, askByRole, (roles) => {
    if (replicasOf(service, master).every((name) => roles.get(name)?.follows === master)) known.followedAtMs = atMs;
    onProved(isFresh());
  });
}

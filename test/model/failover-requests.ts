/** When a service asks a Sentinel for a failover by itself (SENTINEL FAILOVER, which needs no votes). */

import { chooseFailover } from '../../api/redis/failover-choice.ts';
import type { Role } from '../../api/redis/role.ts';
import type { Evidence } from '../../api/redis/sentinels/durability.ts';
import type { SentinelPeriods } from '../../api/redis/sentinels/election.ts';
import { gather, request } from './requests.ts';
import { isQuiet } from './rules.ts';
import type { Sentinel } from './sentinel.ts';
import { forceFailover } from './sentinel-failover.ts';
import { askByInfo, askSentinels, historyOf, replicasOf, type Service, serviceMs } from './services.ts';

export type FailoverRequests = {
  /** A write that was sent then could not be confirmed; on the service's clock. */
  onStalled(sentAtMs: number): void;
  onProgress(): void;
  readonly requested: number;
};

/** What the nodes said, by INFO; the replicas were asked when the master had answered. */
type Roles = { readonly masterRole: Role | undefined; readonly roles: ReadonlyMap<string, Role> };

/** Names the Sentinel to ask, or none. */
export type Choose = (
  service: Service,
  answers: Evidence['sentinels'],
  roles: Roles,
  periods: SentinelPeriods,
) => string | undefined;

const stalledMs = 2500;
const failsWithinMs = 600;
const pauseMs = 15_000;
const lookAgainMs = 250;
const refusedMs = 1000;

/** Production's choice. */
export const chooseAsProduction: Choose = (service, answers, { masterRole, roles }, periods) => {
  const { view, state } = service;
  const replicas = replicasOf(service, view.master);
  const history = historyOf(service, view.master);
  const unchangedForMs = serviceMs(service) - state.changedAtMs;
  const steadyForMs = (sentinel: string, replica: string) =>
    service.links.steadyForMs(sentinel, replica, serviceMs(service));
  const evidence = { view, answers, replicas, masterRole, roles, history, unchangedForMs, steadyForMs };
  const choice = chooseFailover(evidence, periods);
  return choice.reason === undefined ? choice.sentinel : undefined;
};

/** The choice up to commit 5eb7839: the first Sentinel that answers, if none suspects anything and a replica follows the master. */
export const chooseAsBefore: Choose = ({ view: { master } }, sentinels, { roles }) => {
  const canTakeOver = [...roles.values()].some((role) => role.follows === master && role.state !== 'sync');
  if (!canTakeOver || !isQuiet({ master, sentinels })) return undefined;
  return sentinels.find((sentinel) => 'master' in sentinel)?.address;
};

export function createFailoverRequests(service: Service, periods: SentinelPeriods, choose: Choose): FailoverRequests {
  let stalledSinceMs: number | undefined;
  let lastProgressMs = Number.NEGATIVE_INFINITY;
  let nextMs = Number.NEGATIVE_INFINITY;
  let requested = 0;

  /** Looks twice, as production does. */
  function check(): void {
    look((first) => {
      if (first !== undefined) look((chosen) => chosen === first && ask(chosen));
    });
  }

  function look(onChosen: (sentinel: string | undefined) => void): void {
    const { master } = service.view;
    askSentinels(service, (answers) =>
      askByInfo(service, master, (masterRole) =>
        askReplicas(service, master, (roles) => {
          const isOver = stalledSinceMs === undefined || service.view.master !== master;
          onChosen(isOver ? undefined : choose(service, answers, { masterRole, roles }, periods));
        }),
      ),
    );
  }

  function ask(name: string): void {
    nextMs = serviceMs(service) + pauseMs;
    requested++;
    service.sim.trace?.(`${service.process.name} asks ${name} for a failover`);
    const sentinel = service.sentinels.get(name) as Sentinel;
    const force = (reply: (isAccepted: boolean) => void) => reply(forceFailover(sentinel));
    request<boolean>(service, sentinel.process, 250, force, (isAccepted) => {
      if (!isAccepted) nextMs = serviceMs(service) + refusedMs;
    });
  }

  return {
    get requested() {
      return requested;
    },
    onStalled(sentAtMs) {
      const now = serviceMs(service);
      stalledSinceMs ??= Math.max(sentAtMs, lastProgressMs, now - failsWithinMs);
      if (now - stalledSinceMs < stalledMs || now < nextMs) return;
      nextMs = now + lookAgainMs;
      check();
    },
    onProgress() {
      stalledSinceMs = undefined;
      lastProgressMs = serviceMs(service);
    },
  };
}

function askReplicas(service: Service, master: string, onRoles: (roles: ReadonlyMap<string, Role>) => void): void {
  const replicas = replicasOf(service, master);
  gather<string, Role | undefined>(
    replicas,
    (name, done) => askByInfo(service, name, done),
    (answers) => {
      const known = replicas.flatMap((name, i) => {
        const role = answers[i];
        return role === undefined ? [] : [[name, role] as const];
      });
      onRoles(new Map(known));
    },
  );
}

/** What every service process does: it follows the Sentinels' view, as api/redis/sentinels/sentinels.ts and nodes.ts do. */

import type { Role } from '../../api/redis/role.ts';
import type { Evidence } from '../../api/redis/sentinels/durability.ts';
import type { SentinelReport } from '../../api/redis/sentinels/sentinel-report.ts';
import { type SteadyLinks, trackSteadyLinks } from '../../api/redis/sentinels/steady-links.ts';
import { nextView, type View, type ViewState } from '../../api/redis/sentinels/view.ts';
import { clockMs, type Network, type Process } from './network.ts';
import { roleByInfo } from './redis-commands.ts';
import type { RedisNode } from './redis-node.ts';
import { gather, later, request } from './requests.ts';
import type { Sentinel } from './sentinel.ts';
import { reportOf, shortReportOf, type UntimedReport } from './sentinel-answer.ts';
import type { Simulator } from './simulator.ts';

/** A service process, and what it knows. */
export type Service = {
  readonly sim: Simulator;
  readonly net: Network;
  readonly nodes: ReadonlyMap<string, RedisNode>;
  readonly sentinels: ReadonlyMap<string, Sentinel>;
  readonly process: Process;
  view: View;
  state: ViewState;
  /** All Redis nodes: they never change here. */
  readonly nodeNames: ReadonlySet<string>;
  hurriedUntilMs: number;
  /** What each Sentinel said last, and when it was asked. */
  readonly lastReports: Map<string, Pick<SentinelReport, 'master' | 'askedAtMs'>>;
  readonly links: SteadyLinks;
  /** Nodes that did not answer the last INFO. */
  readonly silentNodes: Set<string>;
  /** The replication id of a master, as this service last heard it. */
  history: { readonly master: string; readonly id: string } | undefined;
  isAsking: boolean;
  waitingToAsk: ((answers: Answer[]) => void)[];
};

type Answer = Evidence['sentinels'][number];

const answerMs = 250;
const pollMs = 250;
const hurriedPollMs = 50;
const historyMs = 1000;
const infoMs = 300;

/** The service's monotonic clock. */
export const serviceMs = (service: Service) => clockMs(service.sim, service.process);

export const nodeOf = (service: Service, name: string) => service.nodes.get(name) as RedisNode;

export const replicasOf = (service: Service, master: string) =>
  [...service.nodeNames].filter((name) => name !== master);

/** Asks every Sentinel for all that it reports; a newer view replaces the service's. Callers share a question that begins after their call. */
export function askSentinels(service: Service, onAnswers: (answers: Answer[]) => void): void {
  service.waitingToAsk.push(onAnswers);
  if (!service.isAsking) askForAll(service);
}

function askForAll(service: Service): void {
  const callers = service.waitingToAsk;
  service.waitingToAsk = [];
  service.isAsking = callers.length > 0;
  if (!service.isAsking) return;
  askAll(service, reportOf, (answers) => {
    for (const onAnswers of callers) onAnswers(answers);
    askForAll(service);
  });
}

function askAll(
  service: Service,
  report: (s: Sentinel) => UntimedReport,
  onAnswers: (answers: Answer[]) => void,
): void {
  const askedAtMs = serviceMs(service);
  gather<Sentinel, Answer>(
    [...service.sentinels.values()],
    (sentinel, done) =>
      request<UntimedReport>(
        service,
        sentinel.process,
        answerMs,
        (reply) => reply(report(sentinel)),
        (said) => done(heard(service, sentinel.process.name, askedAtMs, said)),
      ),
    (answers) => {
      service.links.observe(answers, serviceMs(service));
      updateView(service, answers);
      onAnswers(answers);
    },
  );
}

function updateView(service: Service, answers: readonly Answer[]): void {
  const { master, epoch } = service.view;
  const isNew = answers.some((answer) => 'master' in answer && (answer.master !== master || answer.epoch !== epoch));
  if (!isNew && service.state.lower === undefined) return;
  service.state = nextView(service.state, answers, serviceMs(service));
  const { view } = service.state;
  if (view === undefined) return;
  service.view = view;
  if (view.master === master) return;
  service.history = undefined;
  service.sim.trace?.(`${service.process.name} follows ${view.master} now`);
}

function heard(service: Service, name: string, askedAtMs: number, said: UntimedReport | undefined): Answer {
  const id = service.lastReports.has(name) ? name : undefined;
  if (said === undefined) return { address: name, id, silent: true };
  said.askedAtMs = askedAtMs;
  said.answeredAtMs = serviceMs(service);
  service.lastReports.set(name, said);
  return said;
}

/** When a majority of the Sentinels last named this master. */
export function namedAtMs(service: Service, master: string): number {
  const named = [...service.lastReports.values()].filter((report) => report.master === master);
  const newestFirst = named.map(({ askedAtMs }) => askedAtMs).sort((a, b) => b - a);
  return newestFirst[Math.floor(service.sentinels.size / 2)] ?? Number.NEGATIVE_INFINITY;
}

/** Looks at the Sentinels four times a second, or twenty times while something waits for a master; learns the master's history. */
export function startPolling(service: Service, firstMs: number): void {
  const poll = () => {
    const startedAtMs = serviceMs(service);
    askAll(service, shortReportOf, () => {
      const now = serviceMs(service);
      const period = now <= service.hurriedUntilMs ? hurriedPollMs : pollMs;
      later(service, Math.max(0, startedAtMs + period - now), poll);
    });
  };
  const learn = () => {
    const { master } = service.view;
    askByInfo(service, master, (role) => {
      if (role?.state === 'master' && role.history !== undefined) service.history = { master, id: role.history };
    });
    later(service, historyMs, learn);
  };
  later(service, firstMs, poll);
  later(service, firstMs, learn);
}

/** INFO replication of one node. The connection to one that did not answer last time is being opened: it is not waited for. */
export function askByInfo(service: Service, name: string, onRole: (role: Role | undefined) => void): void {
  const node = nodeOf(service, name);
  const isReady = !service.silentNodes.has(name);
  if (!isReady) onRole(undefined);
  request<Role>(
    service,
    node.process,
    infoMs,
    (reply) => reply(roleByInfo(node)),
    (role) => {
      if (role === undefined) service.silentNodes.add(name);
      else service.silentNodes.delete(name);
      if (isReady) onRole(role);
    },
  );
}

/** The master's replication id, if this service has heard it since the last change. */
export const historyOf = ({ history }: Service, master: string) =>
  history?.master === master ? history.id : undefined;

/** The view with which a service starts in a quiet shop. */
export function createService(
  parts: Pick<Service, 'sim' | 'net' | 'nodes' | 'sentinels' | 'process'>,
  master: string,
): Service {
  const view: View = { master, epoch: 0, replicas: [] };
  return {
    ...parts,
    view,
    state: { view, changedAtMs: Number.NEGATIVE_INFINITY, lower: undefined },
    nodeNames: new Set(parts.nodes.keys()),
    hurriedUntilMs: Number.NEGATIVE_INFINITY,
    lastReports: new Map(),
    links: trackSteadyLinks(),
    silentNodes: new Set(),
    history: undefined,
    isAsking: false,
    waitingToAsk: [],
  };
}

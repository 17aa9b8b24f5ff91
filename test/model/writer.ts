/**
 * The write path of a service, as api/redis/writes/writes.ts has it: groups of scripts with one WAIT, one group at a time; what a group does not
 * prove durable is asked about, or repeated, until its deadline.
 */
import { deliveryMs } from '../../api/redis/sentinels/durability.ts';
import type { SentinelPeriods } from '../../api/redis/sentinels/election.ts';
import type { Claim } from '../../api/redis/sentinels/proof.ts';
import { paddingBytes } from '../../api/redis/writes/outgrow.ts';
import type { FailoverRequests } from './failover-requests.ts';
import type { Promises } from './promises.ts';
import { proveClaim } from './proof.ts';
import { pad, runWrites } from './redis-commands.ts';
import type { WriteReply } from './redis-node.ts';
import { later, request } from './requests.ts';
import type { Rule } from './rules.ts';
import { askSentinels, nodeOf, replicasOf, type Service, serviceMs } from './services.ts';

export type WriterParts = {
  readonly service: Service;
  readonly rule: Rule;
  readonly periods: SentinelPeriods;
  readonly promises: Promises;
  readonly failovers: FailoverRequests;
  /** Gives each write its number. */
  readonly nextId: () => number;
};

export type Writer = {
  /** Times of acknowledgements (simulated ms). */
  readonly acknowledgedAtMs: number[];
  failed: number;
  stop(): void;
};

type Pending = { readonly id: number; readonly deadlineMs: number };

const deadlineMs = 3700;
const waitMs = 50;
const waitForAllEveryMs = 1000;
const socketTimeoutMs = 400;
const connectTimeoutMs = 300;
const proofMs = 1500;
const padEveryMs = 1000;

/** @param everyMs says how long it is to the next write that a client sends to this service */
export function startWriter(parts: WriterParts, everyMs: () => number, firstMs: number): Writer {
  const { service, rule, promises, failovers } = parts;
  const confirmations = trackConfirmations(service);
  let queue: Pending[] = [];
  let isSending = false;
  let isStopped = false;
  let connectedTo: string | undefined;
  let paddedAtMs = Number.NEGATIVE_INFINITY;
  const writer: Writer = {
    acknowledgedAtMs: [],
    failed: 0,
    stop() {
      isStopped = true;
    },
  };

  function arrive(): void {
    if (isStopped) return;
    queue.push({ id: parts.nextId(), deadlineMs: serviceMs(service) + deadlineMs });
    later(service, everyMs(), arrive);
    if (!isSending) sendNext();
  }

  function sendNext(): void {
    const now = serviceMs(service);
    const inTime = queue.filter((pending) => pending.deadlineMs > now);
    writer.failed += queue.length - inTime.length;
    queue = inTime;
    isSending = queue.length > 0;
    if (!isSending) return;
    if (connectedTo !== service.view.master) connect();
    else send(service.view.master, queue.splice(0));
  }

  function connect(): void {
    const { master } = service.view;
    service.hurriedUntilMs = serviceMs(service) + 500;
    failovers.onStalled(serviceMs(service));
    request<true>(service, nodeOf(service, master).process, connectTimeoutMs, accept, (answer) => {
      if (answer) connectedTo = master;
      later(service, answer ? 0 : 20, sendNext);
    });
  }

  function send(master: string, group: Pending[]): void {
    const replicas = replicasOf(service, master);
    const node = nodeOf(service, master);
    const ids = group.map(({ id }) => id);
    const wanted = confirmations.wanted(replicas.length);
    const sentAtMs = serviceMs(service);
    const run = (reply: (answer: WriteReply) => void) => runWrites(node, ids, wanted, waitMs, reply);
    request(service, node.process, socketTimeoutMs, run, (answer) => {
      if (answer === undefined) connectedTo = undefined;
      if (answer === undefined || 'error' in answer) return backOff(group, sentAtMs);
      const size = answer.confirmed.size;
      const result = confirmations.judge(answer, master, replicas);
      if (result === 'all') acknowledge(group, 'all replicas');
      else if (rule.enough?.(size)) acknowledge(group, `${size} replicas`);
      else if (result === 'none') return backOff(group, sentAtMs);
      else if (result === 'name-them') queue.unshift(...group);
      else prove(group, sentAtMs, result, answer.connected);
      sendNext();
    });
  }

  function backOff(group: Pending[], sentAtMs: number): void {
    failovers.onStalled(sentAtMs);
    service.hurriedUntilMs = serviceMs(service) + 500;
    askSentinels(service, () =>
      later(service, 5, () => {
        queue.unshift(...group);
        sendNext();
      }),
    );
  }

  function prove(group: Pending[], sentAtMs: number, claim: Claim, connected: ReadonlySet<string>): void {
    const finish = (isDurable: boolean) => {
      if (isDurable) return acknowledge(group, `by the rule: ${[...claim.confirmed]}`);
      queue.unshift(...group);
      if (!isSending) sendNext();
    };
    const replicas = [...connected].map((address) => ({ address, offset: 0 }));
    proveClaim(parts, claim, serviceMs(service) + proofMs, finish, (sentinels) => {
      failovers.onStalled(sentAtMs);
      if (rule.pads) outgrow(claim.master, paddingBytes({ offset: claim.offset, replicas }, claim.master, sentinels));
    });
  }

  function outgrow(master: string, bytes: number): void {
    if (bytes === 0 || serviceMs(service) - paddedAtMs < padEveryMs) return;
    paddedAtMs = serviceMs(service);
    const node = nodeOf(service, master);
    const run = () => pad(node, bytes);
    request<never>(service, node.process, socketTimeoutMs, run, () => undefined);
  }

  /** A client has given up at its deadline: what is known later is no promise to it. */
  function acknowledge(group: readonly Pending[], why: string): void {
    failovers.onProgress();
    const { nowMs, trace } = service.sim;
    const ids = group.filter((pending) => pending.deadlineMs > serviceMs(service)).map(({ id }) => id);
    for (const id of ids) promises.acknowledge(id, nowMs, service.process.name);
    if (ids.length > 0) writer.acknowledgedAtMs.push(nowMs);
    trace?.(`${service.process.name} acknowledges ${ids} (${why})`, ids);
  }

  later(service, firstMs, arrive);
  return writer;
}

const accept = (reply: (answer: true) => void) => reply(true);

/** As in api/redis/writes/writes.ts: whether all replicas confirm or those which do are named, and how many a WAIT asks for. */
function trackConfirmations(service: Service) {
  let isNamed = false;
  let waitForAllAtMs = Number.NEGATIVE_INFINITY;
  let waitsForAll = true;
  return {
    wanted(replicas: number): number {
      waitsForAll = !isNamed || serviceMs(service) >= waitForAllAtMs;
      return waitsForAll ? replicas : 1;
    },
    judge(
      { confirmed, connected, offset }: Exclude<WriteReply, { readonly error: string }>,
      master: string,
      replicas: readonly string[],
    ): 'all' | 'none' | 'name-them' | Claim {
      const now = serviceMs(service);
      const isAll = replicas.every((name) => confirmed.has(name));
      if (!isNamed) {
        if (isAll) return 'all';
        isNamed = true;
        waitForAllAtMs = Number.NEGATIVE_INFINITY;
        return confirmed.size > 0 ? 'name-them' : 'none';
      }
      if (waitsForAll || !replicas.every((name) => connected.has(name))) waitForAllAtMs = now + waitForAllEveryMs;
      isNamed = !isAll;
      if (isAll) return 'all';
      if (confirmed.size === 0) return 'none';
      return { master, offset, confirmed, settledAtMs: now + (waitsForAll ? 0 : deliveryMs) };
    },
  };
}

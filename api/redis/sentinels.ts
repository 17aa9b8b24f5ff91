/** What the Sentinels say: who is the master, which replicas there are, and whether that is certain enough to acknowledge a write. */
import { monotonicMs, within } from '../core/clock.ts';
import { type Address, addressText, type Credentials, connectNode, parseAddress } from './node.ts';

/** A Redis node as a Sentinel sees it. */
export type SentinelNode = { readonly address: Address; readonly flags: ReadonlySet<string> };

/** One Sentinel's answer to one question; `undefined` where it did not answer in time. */
export type SentinelAnswer = {
  readonly master: Address;
  readonly epoch: number;
  readonly masterFlags: ReadonlySet<string>;
  readonly replicas: readonly SentinelNode[];
  /** How many of the other Sentinels this one holds for down. */
  readonly sentinelsDown: number;
};

/** The Sentinels' view with the highest configuration epoch. */
export type SentinelView = Pick<SentinelAnswer, 'master' | 'epoch' | 'replicas'>;

/** See {@link watchSentinels}. */
export type Sentinels = {
  /** The last known view; `undefined` until a Sentinel has answered. */
  view(): SentinelView | undefined;
  /** Asks every Sentinel now. */
  ask(): Promise<readonly (SentinelAnswer | undefined)[]>;
  /** Asks more often for a moment: somebody waits for a master. */
  hurry(): void;
  /** Asks the first Sentinel that answers for a failover. @throws when it refuses, or none answers */
  failover(): Promise<void>;
  /** Calls back at each new view whose master differs from the last one's. Returns the way to stop that. */
  onMaster(listener: (master: Address) => void): () => void;
  close(): void;
};

const pollMs = 250;
const hurriedPollMs = 50;
const hurryForMs = 500;
const answerMs = 250;

/**
 * Watches all Sentinels in parallel (ioredis asks them in turn, and a frozen first one costs its time-out every time).
 * @param isNode whether this is one of our Redis nodes; a Sentinel that names another master counts as one that did not answer
 * @see https://redis.io/docs/latest/develop/reference/sentinel-clients/
 */
export function watchSentinels(
  addresses: readonly string[],
  credentials: Credentials,
  masterName: string,
  isNode: (address: Address) => boolean,
): Sentinels {
  const clients = addresses.map((text) => connectNode(parseAddress(text), credentials, 'sentinel'));
  const listeners = new Set<(master: Address) => void>();
  let view: SentinelView | undefined;
  let polling = false;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let hurriedUntilMs = Number.NEGATIVE_INFINITY;

  async function askOne(client: (typeof clients)[number]): Promise<SentinelAnswer | undefined> {
    const pipeline = client.pipeline();
    for (const what of ['MASTER', 'REPLICAS', 'SENTINELS', 'GET-MASTER-ADDR-BY-NAME'])
      pipeline.call('SENTINEL', what, masterName);
    const replies = await within(pipeline.exec(), answerMs).catch(() => undefined);
    if (replies == null || replies.some(([error]) => error)) return undefined;
    const answer = parseAnswer(replies.map(([, reply]) => reply));
    return isNode(answer.master) ? answer : undefined;
  }

  async function ask() {
    const answers = await Promise.all(clients.map(askOne));
    const latest = answers
      .filter((answer) => answer !== undefined)
      .reduce<SentinelView | undefined>(
        (best, a) => (best === undefined || a.epoch > best.epoch ? a : best),
        undefined,
      );
    if (latest !== undefined && (view === undefined || latest.epoch >= view.epoch)) {
      const moved = view === undefined || addressText(view.master) !== addressText(latest.master);
      view = latest;
      if (moved) for (const listener of listeners) listener(latest.master);
    }
    return answers;
  }

  async function poll() {
    const now = monotonicMs();
    if (polling || (now > hurriedUntilMs && now - askedAtMs < pollMs)) return;
    polling = true;
    askedAtMs = now;
    await ask().catch(() => undefined);
    polling = false;
  }
  const timer = setInterval(() => void poll(), hurriedPollMs);
  void poll();

  return {
    view: () => view,
    ask,
    hurry() {
      hurriedUntilMs = monotonicMs() + hurryForMs;
    },
    async failover() {
      const answers = await ask();
      const first = clients.find((_, i) => answers[i] !== undefined); // everybody's first: two leaders would promote two
      if (first === undefined) throw new Error('no Sentinel answers');
      await within(first.call('SENTINEL', 'FAILOVER', masterName), answerMs);
    },
    onMaster(listener) {
      listeners.add(listener);
      if (view !== undefined) listener(view.master);
      return () => listeners.delete(listener);
    },
    close() {
      clearInterval(timer);
      for (const client of clients) client.disconnect();
    },
  };
}

/**
 * One Sentinel's replies to SENTINEL MASTER, REPLICAS, SENTINELS and GET-MASTER-ADDR-BY-NAME.
 * MASTER tells of the node that is watched, GET-MASTER-ADDR-BY-NAME where to go. They differ at the Sentinel that leads a failover, from
 * the moment at which the new master has obeyed (and the new epoch counts) until all replicas follow it, often a second later.
 */
export function parseAnswer([watched, replicas, sentinels, current]: unknown[]): SentinelAnswer {
  const [host = '', port] = current as string[];
  const isMaster = ({ address }: SentinelNode) => addressText(address) === `${host}:${port}`;
  const nodes = [watched, ...(replicas as unknown[])].map(asRecord).map(nodeOf);
  return {
    master: { host, port: Number(port) },
    epoch: Number(asRecord(watched)['config-epoch']),
    masterFlags: nodes.find(isMaster)?.flags ?? new Set(['unknown']),
    replicas: nodes.filter((node) => !isMaster(node)),
    sentinelsDown: (sentinels as unknown[]).filter((s) => flagsOf(asRecord(s)).has('s_down')).length,
  };
}

function asRecord(flat: unknown): Record<string, string> {
  const list = flat as string[];
  const record: Record<string, string> = {};
  for (let i = 0; i + 1 < list.length; i += 2) record[String(list[i])] = String(list[i + 1]);
  return record;
}

function nodeOf(fields: Record<string, string>): SentinelNode {
  return { address: { host: fields.ip ?? '', port: Number(fields.port) }, flags: flagsOf(fields) };
}

function flagsOf(fields: Record<string, string>): ReadonlySet<string> {
  return new Set((fields.flags ?? '').split(','));
}

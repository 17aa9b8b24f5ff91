/** What the Sentinels say: who is the master, which replicas there are, and whether that is certain enough to acknowledge a write. */
import { within } from '../core/clock.ts';
import { type Address, addressText, connectNode, parseAddress } from './node.ts';

/** One Sentinel's answer to one question; `undefined` where it did not answer in time. */
export type SentinelAnswer = {
  readonly master: Address;
  readonly epoch: number;
  readonly masterFlags: ReadonlySet<string>;
  readonly replicas: readonly { readonly address: Address; readonly flags: ReadonlySet<string> }[];
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
  /** Calls back at each new view whose master differs from the last one's. Returns the way to stop that. */
  onMaster(listener: (master: Address) => void): () => void;
  close(): void;
};

const pollMs = 250;
const answerMs = 250;

/**
 * Watches all Sentinels in parallel (ioredis asks them in turn, and a frozen first one costs its time-out every time).
 * @see https://redis.io/docs/latest/develop/reference/sentinel-clients/
 */
export function watchSentinels(addresses: readonly string[], password: string, masterName: string): Sentinels {
  const clients = addresses.map((text) => connectNode(parseAddress(text), { password }, 'sentinel'));
  const listeners = new Set<(master: Address) => void>();
  let view: SentinelView | undefined;
  let polling = false;

  async function askOne(client: (typeof clients)[number]): Promise<SentinelAnswer | undefined> {
    const pipeline = client.pipeline();
    for (const what of ['MASTER', 'REPLICAS', 'SENTINELS']) pipeline.call('SENTINEL', what, masterName);
    const replies = await within(pipeline.exec(), answerMs).catch(() => undefined);
    if (replies == null || replies.some(([error]) => error)) return undefined;
    return parseAnswer(replies.map(([, reply]) => reply));
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
    if (polling) return;
    polling = true;
    await ask().catch(() => undefined);
    polling = false;
  }
  const timer = setInterval(() => void poll(), pollMs);
  void poll();

  return {
    view: () => view,
    ask,
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

function parseAnswer([master, replicas, sentinels]: unknown[]): SentinelAnswer {
  const fields = asRecord(master);
  return {
    master: addressOf(fields),
    epoch: Number(fields['config-epoch']),
    masterFlags: flagsOf(fields),
    replicas: (replicas as unknown[]).map(asRecord).map((r) => ({ address: addressOf(r), flags: flagsOf(r) })),
    sentinelsDown: (sentinels as unknown[]).filter((s) => flagsOf(asRecord(s)).has('s_down')).length,
  };
}

function asRecord(flat: unknown): Record<string, string> {
  const list = flat as string[];
  const record: Record<string, string> = {};
  for (let i = 0; i + 1 < list.length; i += 2) record[String(list[i])] = String(list[i + 1]);
  return record;
}

function addressOf(fields: Record<string, string>): Address {
  return { host: fields.ip ?? '', port: Number(fields.port) };
}

function flagsOf(fields: Record<string, string>): ReadonlySet<string> {
  return new Set((fields.flags ?? '').split(','));
}

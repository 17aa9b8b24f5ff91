/**
 * The history of a run: every attempt with its times and its answer, the faults, the seed. The checker sees nothing of
 * the load but this, so a kept history can be checked again.
 */
import { readFileSync } from 'node:fs';

/** What a request is for; the checker knows what each kind promises. */
export type Kind =
  | 'purchase'
  | 'cancel'
  | 'read-purchase'
  | 'read-own-list'
  | 'read-foreign'
  | 'read-product'
  | 'list-products'
  | 'create-product'
  | 'change-product'
  | 'restock'
  | 'delete-product'
  | 'read-deleted-product'
  | 'sign-up'
  | 'sign-in'
  | 'refresh'
  | 'reuse'
  | 'session-use'
  | 'admin-use'
  | 'end-session'
  | 'promote'
  | 'demote'
  | 'replay';

/** One sending of a request. Times are milliseconds since the recording began; without an end, the client has given up waiting. */
export type Attempt = {
  invokedMs: number;
  endedMs?: number;
  status?: number;
  body?: unknown;
  /** Whether the answer said that it was given before. */
  replayed?: boolean;
  retryAfter?: string;
  /** Seconds, on an answer that Nginx gave from its cache because no replica answered. */
  staleSeconds?: number;
  /** What the OpenAPI document does not have about the answer. */
  undocumented?: string;
  /** Why there is no answer: reset, refused, timed out. */
  error?: string;
};

/** One request, sent once or, where that failed, again under the same key. */
export type Operation = {
  op: number;
  actor: string;
  kind: Kind;
  method: string;
  path: string;
  key?: string;
  userId?: string;
  body?: unknown;
  /** What the actor knows about it and the checker needs: the product, the purchase, the version that it wrote. */
  about: {
    productId?: string;
    purchaseId?: string;
    version?: number;
    replayOf?: number;
    /** Sent past Nginx by a fault, to see which host can write: no client's request. */
    probe?: boolean;
    /** The sign-in whose token is used, and the user concerned. */
    session?: string;
    subjectId?: string;
    /** The sign-ins that this ends. */
    ends?: string[];
    deletes?: boolean;
    changesPassword?: boolean;
    /** Whether a sign-in was tried with the password that is right now. */
    password?: 'right' | 'wrong';
    /** A digest of the refresh token that was sent. */
    refreshOf?: string;
  };
  attempts: Attempt[];
};

/** A step of a fault. */
type FaultStep = { atMs: number; fault: string; step: string };

/** The users and products that the load began with. */
export type FixtureIds = {
  users: { actor: string; userId: string }[];
  products: { id: string; stock: number }[];
};

/** The state after all, from the operator's connections and over HTTP. */
export type FinalState = {
  purchases: StoredPurchase[];
  products: { id: string; stock: number; name: string; price: number }[];
  userIds: string[];
  /** What the services say about each purchase's way, oldest first: the types of its events. */
  histories: Record<string, string[]>;
  /** The stock as the events of `products` make it. */
  foldedStock: Record<string, number>;
  /** By node: a digest of all keys and values, as far as they are the same on each. Empty where it was not taken. */
  digests: Record<string, string>;
  /** Keys that differ between nodes, some of them. */
  differing: string[];
};

/** A purchase as the shop gives it out. */
export type StoredPurchase = {
  id: string;
  userId: string;
  status: string;
  items: { productId: string; quantity: number; unitPrice?: { amount: number } | null }[];
  total?: { amount: number } | null;
  createdAt: string;
};

/** All of one run: what the checker judges. */
export type History = {
  seed: number;
  title: string;
  fixtures: FixtureIds;
  operations: Operation[];
  faults: FaultStep[];
  final: FinalState | undefined;
};

/** A history in which nothing has happened yet. */
export function emptyHistory(seed: number, title: string): History {
  return { seed, title, fixtures: { users: [], products: [] }, operations: [], faults: [], final: undefined };
}

/** Reads a kept history. @throws when the file is none */
export function readHistory(path: string): History {
  const history = emptyHistory(0, path);
  for (const text of readFileSync(path, 'utf8').split('\n')) {
    if (text === '') continue;
    const { line, ...rest } = JSON.parse(text);
    if (line === 'run') Object.assign(history, rest);
    else if (line === 'fixtures') history.fixtures = rest.fixtures;
    else if (line === 'final') history.final = rest.final;
    else if (line === 'fault') history.faults.push(rest);
    else if (line === 'invoke') {
      const { attempt, atMs, ...operation } = rest;
      history.operations[operation.op] ??= { ...operation, attempts: [] };
      const attempts = history.operations[operation.op]?.attempts ?? [];
      attempts[attempt - 1] = { invokedMs: atMs };
    } else if (line === 'end') {
      const { op, attempt, atMs, ...answer } = rest;
      Object.assign(history.operations[op]?.attempts[attempt - 1] ?? {}, answer, { endedMs: atMs });
    }
  }
  return history;
}

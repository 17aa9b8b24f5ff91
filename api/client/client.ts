/**
 * A client of the shop for Node.js and browsers, on nothing but `fetch`. It keeps the sign-in fresh, gives each write an Idempotency-Key, and
 * repeats what was refused for the moment (429, 503, a lost connection) under the same key, so that it happens once.
 *
 *   const shop = createClient({ baseUrl: 'http://localhost:8080' });
 *   await shop.signIn({ email, password });
 *   const purchase = await shop.call('buy', { body: { items: [{ productId: 'boots', quantity: 2 }] } });
 *   for await (const product of shop.pages('listProducts', { query: { category: 'footwear' } })) console.log(product.name);
 */
import { type Calls, type Credentials, calls, type Problem, type Session } from './types.ts';

/** The name of a call: its operationId in the OpenAPI document. */
export type CallName = keyof Calls;
/** What a call takes: params, query and body as the document has them, and headers of its own. */
export type Input<N extends CallName> = Omit<Calls[N], 'answer'> & {
  /** In place of one made here: repeat a call later, also after a restart, under the key that it had. */
  readonly idempotencyKey?: string;
  /** The ETag of the version to be changed; with a newer one there, the call is refused with 412. */
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
};
/** The body of the answer. */
export type AnswerBody<N extends CallName> = Calls[N]['answer'];
/** An answer with what is in its headers. */
export type Answer<N extends CallName> = {
  readonly body: AnswerBody<N>;
  readonly status: number;
  readonly etag: string | null;
  /** Whether this is the first answer to an earlier request under the same key. */
  readonly isReplayed: boolean;
  readonly headers: Headers;
};
type Argument<N extends CallName> = Record<never, never> extends Input<N> ? [input?: Input<N>] : [input: Input<N>];
/** The calls that answer with a page of a list. */
export type PagedCall = {
  [N in CallName]: AnswerBody<N> extends { data: unknown[]; nextCursor: string | null } ? N : never;
}[CallName];
/** One item of a list. */
export type ItemOf<N extends PagedCall> = AnswerBody<N> extends { data: (infer T)[] } ? T : never;

/** See the head of this file. */
export type Client = {
  /** Signs in; from then on every call carries the token, which is exchanged before it ends. Of several at once the last counts. */
  signIn(credentials: Credentials): Promise<void>;
  signOut(): Promise<void>;
  /** The body of the answer. @throws ShopProblem when the shop refuses */
  call<N extends CallName>(name: N, ...input: Argument<N>): Promise<AnswerBody<N>>;
  /** Like `call`, with the headers of the answer. */
  send<N extends CallName>(name: N, ...input: Argument<N>): Promise<Answer<N>>;
  /** Every item of a list, page by page as they are needed. */
  pages<N extends PagedCall>(name: N, ...input: Argument<N>): AsyncGenerator<ItemOf<N>>;
};

/** What a client is made with. */
export type ClientOptions = {
  /** Such as `https://shop.example`, without a path. */
  readonly baseUrl: string;
  /** How long a call is repeated that is refused for the moment, in ms (default 30,000); the last refusal is then thrown. */
  readonly retryMs?: number;
  readonly fetch?: typeof fetch;
};

/** A problem document; `about:blank` where something between here and the shop answered. */
export type AnyProblem = Problem | { type: 'about:blank'; title: string; status: number; detail: string };

/** A refusal of the shop (RFC 9457); `problem.type` says which. */
export class ShopProblem extends Error {
  readonly problem: AnyProblem;
  constructor(problem: AnyProblem) {
    super(`${problem.status} ${problem.type}: ${problem.detail}`);
    this.name = 'ShopProblem';
    this.problem = problem;
  }
}

/** How long before its end an access token is exchanged; the wait where no Retry-After says another, and the shortest; in ms. */
const refreshMarginMs = 30_000;
const retryPauseMs = 1000;
const leastPauseMs = 200;
/** How long one try may take, in ms: the shop answers within 12 s, or is not there. */
const tryMs = 15_000;

/** A sign-in. Its tokens change; a call keeps the sign-in that it began with, also after a newer one or a sign-out. */
type SignIn = { session: Session; usedUntil: number; refreshing?: Promise<void> | undefined };

const tokensOf = (session: Session) => ({
  session,
  usedUntil: Date.now() + session.expiresIn * 1000 - refreshMarginMs,
});

/** Makes a client that is not signed in. */
export function createClient({ baseUrl, retryMs = 30_000, fetch: send = fetch }: ClientOptions): Client {
  let current: SignIn | undefined;
  /** Counts sign-ins and sign-outs: the answer to a sign-in that is no longer the latest is not used. */
  let changes = 0;

  /** Exchanges the tokens; calls at the same time share one exchange. */
  function refresh(signIn: SignIn): Promise<void> {
    const { refreshToken } = signIn.session;
    signIn.refreshing ??= request('refreshSession', { body: { refreshToken } }, undefined)
      .then(({ body }) => void Object.assign(signIn, tokensOf(body)))
      .finally(() => {
        signIn.refreshing = undefined;
      });
    return signIn.refreshing;
  }

  function request<N extends CallName>(name: N, input: Input<N>, token: string | undefined): Promise<Answer<N>> {
    return sendUntilAnswered<N>(send, requestOf(baseUrl, name, input, token), input.signal, Date.now() + retryMs);
  }

  async function sendCall<N extends CallName>(name: N, ...[given]: Argument<N>): Promise<Answer<N>> {
    const input = { ...given } as Input<N>;
    // Made before the first try: the repetition with a new token is the same request.
    const keyed = calls[name].isKeyed ? { ...input, idempotencyKey: input.idempotencyKey || newKey() } : input;
    const signIn = current;
    if (signIn === undefined) return request(name, keyed, undefined);
    if (Date.now() > signIn.usedUntil) await refresh(signIn);
    const { accessToken } = signIn.session;
    try {
      return await request(name, keyed, accessToken);
    } catch (error) {
      if (!(error instanceof ShopProblem) || error.problem.type !== '/problems/unauthenticated') throw error;
      if (signIn.session.accessToken === accessToken) await refresh(signIn);
      return request(name, keyed, signIn.session.accessToken);
    }
  }

  return {
    async signIn(credentials) {
      current = undefined;
      changes += 1;
      const change = changes;
      const { body } = await request('signIn', { body: credentials }, undefined);
      if (change === changes) current = tokensOf(body);
    },
    async signOut() {
      const { refreshToken } = current?.session ?? {};
      current = undefined;
      changes += 1;
      if (refreshToken !== undefined) await request('signOut', { body: { refreshToken } }, undefined);
    },
    call: async (name, ...input) => (await sendCall(name, ...input)).body,
    send: sendCall,
    async *pages(name, ...[given]) {
      // Any call with pages will do; without `strict` the types of all of them together have no query.
      const input = { ...given } as Input<'listProducts'>;
      let cursor: string | null | undefined;
      do {
        const query = { ...input.query, ...(cursor == null ? {} : { cursor }) };
        const { data, nextCursor } = (await sendCall(name as 'listProducts', { ...input, query })).body;
        yield* data as never[];
        cursor = nextCursor;
      } while (cursor !== null);
    },
  };
}

/** Sends a request and repeats it while it is refused for the moment, until that time. @throws the last refusal, as a ShopProblem */
async function sendUntilAnswered<N extends CallName>(
  send: typeof fetch,
  { url, init }: ReturnType<typeof requestOf>,
  signal: AbortSignal | undefined,
  until: number,
): Promise<Answer<N>> {
  for (;;) {
    const signals = [AbortSignal.timeout(tryMs), ...(signal ? [signal] : [])];
    const unlessLost = (error: unknown) => {
      if (signal?.aborted || error instanceof SyntaxError || Date.now() + retryPauseMs > until) throw error;
      return undefined;
    };
    const sent = await send(url, { ...init, signal: AbortSignal.any(signals) }).catch(unlessLost);
    // The connection may also be lost in the middle of the body.
    const good = sent?.ok ? await answerOf<N>(sent).catch(unlessLost) : undefined;
    if (good !== undefined) return good;
    const refusal = sent?.ok ? undefined : sent;
    const waitMs = refusal === undefined ? retryPauseMs : retryAfterMs(refusal);
    if (refusal !== undefined && (waitMs === undefined || Date.now() + waitMs > until)) throw await problemOf(refusal);
    await refusal?.body?.cancel().catch(() => undefined); // its connection may be lost
    await pause(waitMs ?? retryPauseMs, signal);
  }
}

/** Waits. @throws the reason of the signal, as soon as it is aborted */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

function requestOf<N extends CallName>(baseUrl: string, name: N, input: Input<N>, token: string | undefined) {
  const { method, path } = calls[name];
  const {
    params = {},
    query = {},
    body,
    idempotencyKey,
    ifMatch,
  } = input as Input<N> & {
    params?: Record<string, string>;
    query?: Record<string, string | number | undefined>;
    body?: unknown;
  };
  const filled = path.replace(/\{(\w+)\}/g, (_, field: string) => {
    const value = params[field] ?? '';
    // Any of these would be the path of another call.
    if (/^\.{0,2}$/.test(value)) throw new TypeError(`params.${field} of ${name} is "${value}"`);
    return encodeURIComponent(value);
  });
  const url = new URL(filled, baseUrl);
  for (const [field, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(field, String(value));
  }
  // Refuses a value that cannot be sent, such as a key with a letter outside of Latin-1; `fetch` would refuse it as if a connection were lost.
  const headers = new Headers({
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
  });
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  return { url, init: { method, headers, ...content } };
}

async function answerOf<N extends CallName>(answer: Response): Promise<Answer<N>> {
  const { status, headers } = answer;
  const body = (status === 204 ? null : await answer.json()) as AnswerBody<N>;
  return {
    body,
    status,
    headers,
    etag: headers.get('etag'),
    isReplayed: headers.get('idempotent-replayed') === 'true',
  };
}

/** How long to wait before the same request is repeated; `undefined` when it would be refused again. */
function retryAfterMs({ status, headers }: Response): number | undefined {
  const given = headers.get('retry-after');
  if (![409, 429, 502, 503, 504].includes(status) || (status === 409 && given === null)) return undefined;
  // Seconds or a date (RFC 9110, 10.2.3).
  const ms = /^\d+$/.test(given ?? '') ? Number(given) * 1000 : Date.parse(given ?? '') - Date.now();
  return Number.isNaN(ms) ? retryPauseMs : Math.max(ms, leastPauseMs);
}

async function problemOf(answer: Response): Promise<ShopProblem> {
  const body = (await answer.json().catch(() => undefined)) as Problem | null | undefined;
  const { status, statusText } = answer;
  const isProblem = typeof body?.type === 'string';
  return new ShopProblem(isProblem ? body : { type: 'about:blank', title: statusText, status, detail: statusText });
}

/** `crypto.randomUUID` is there in secure contexts only: not on a page that came over plain HTTP. */
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

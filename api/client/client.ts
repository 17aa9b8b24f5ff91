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
  /** Signs in; from then on every call carries the token, which is exchanged before it ends. */
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

/** How long before its end an access token is exchanged, and the wait where no Retry-After says another, in ms. */
const refreshMarginMs = 30_000;
const retryPauseMs = 1000;
/** How long one try may take, in ms: the shop answers within 12 s, or is not there. */
const tryMs = 15_000;

/** Makes a client that is not signed in. */
export function createClient({ baseUrl, retryMs = 30_000, fetch: send = fetch }: ClientOptions): Client {
  let session: (Session & { readonly usedUntil: number }) | undefined;
  let refreshing: Promise<void> | undefined;

  const keep = (given: Session) => {
    session = { ...given, usedUntil: Date.now() + given.expiresIn * 1000 - refreshMarginMs };
  };

  /** The access token; calls at the same time share one exchange. */
  async function accessToken(): Promise<string | undefined> {
    if (session !== undefined && Date.now() > session.usedUntil) await refresh();
    return session?.accessToken;
  }

  function refresh(): Promise<void> {
    const { refreshToken = '' } = session ?? {};
    refreshing ??= request('refreshSession', { body: { refreshToken } }, undefined)
      .then(({ body }) => keep(body))
      .finally(() => {
        refreshing = undefined;
      });
    return refreshing;
  }

  function request<N extends CallName>(name: N, input: Input<N>, token: string | undefined): Promise<Answer<N>> {
    return sendUntilAnswered<N>(send, requestOf(baseUrl, name, input, token), input.signal, Date.now() + retryMs);
  }

  async function sendCall<N extends CallName>(name: N, ...[given]: Argument<N>): Promise<Answer<N>> {
    const input = { ...given } as Input<N>;
    // Made before the first try: the repetition with a new token is the same request.
    const keyed = calls[name].isKeyed ? { idempotencyKey: crypto.randomUUID(), ...input } : input;
    try {
      return await request(name, keyed, await accessToken());
    } catch (error) {
      const isExpired = error instanceof ShopProblem && error.problem.type === '/problems/unauthenticated';
      if (!isExpired || session === undefined) throw error;
      await refresh();
      return request(name, keyed, session.accessToken);
    }
  }

  return {
    async signIn(credentials) {
      session = undefined;
      keep((await request('signIn', { body: credentials }, undefined)).body);
    },
    async signOut() {
      const { refreshToken } = session ?? {};
      session = undefined;
      if (refreshToken !== undefined) await request('signOut', { body: { refreshToken } }, undefined);
    },
    call: async (name, ...input) => (await sendCall(name, ...input)).body,
    send: sendCall,
    async *pages(name, ...[given]) {
      const input = { ...given } as Input<PagedCall>;
      let cursor: string | null | undefined;
      do {
        const query = { ...input.query, ...(cursor == null ? {} : { cursor }) };
        const { data, nextCursor } = (
          await sendCall(name as 'listProducts', { ...input, query } as Input<'listProducts'>)
        ).body;
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
    await refusal?.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
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
    query?: Record<string, string | number>;
    body?: unknown;
  };
  const filled = path.replace(/\{(\w+)\}/g, (_, field: string) => encodeURIComponent(params[field] ?? ''));
  const url = new URL(filled, baseUrl);
  for (const [field, value] of Object.entries(query)) url.searchParams.set(field, String(value));
  const headers: Record<string, string> = {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
  };
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
  const seconds = headers.get('retry-after');
  if (![409, 429, 502, 503, 504].includes(status) || (status === 409 && seconds === null)) return undefined;
  return seconds === null ? retryPauseMs : Number(seconds) * 1000;
}

async function problemOf(answer: Response): Promise<ShopProblem> {
  const problem = (await answer.json().catch(() => undefined)) as Problem | undefined;
  const { status, statusText } = answer;
  return new ShopProblem(problem ?? { type: 'about:blank', title: statusText, status, detail: statusText });
}

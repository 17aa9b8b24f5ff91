/** Sends planned requests at a running shop and holds every answer to the document; afterwards the stock must be right. */
import { request as httpRequest } from 'node:http';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { openApiDocument } from '../../api/openapi/document.ts';
import { declaredRoutes } from '../../api/openapi/tables.ts';
import { serviceNames } from '../../api/services.ts';
import { type SignedIn, shopClient, signIn, signInAdmin, signUp } from '../support/client.ts';
import { faultOfAnswer } from '../support/document.ts';
import { answerFaults } from '../support/documented.ts';
import { type Plan, planOf } from './requests.ts';
import { createStockCheck, type StockCheck } from './stock-check.ts';

/** What a run found. */
export type Summary = {
  readonly requests: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly products: number;
  readonly purchases: number;
  /** Each a sentence; none: the run is good. */
  readonly faults: readonly string[];
};

/** Where the shop is, and its admin. */
export type Target = { readonly httpUrl: string; readonly adminEmail: string; readonly adminPassword: string };

/** An answer later than this is a fault: Nginx itself gives up after 12 s, and the machine may be busy. */
const timeoutMs = 30_000;
const concurrency = 8;
/** What the only admin of the shop must not do to itself in the middle of a run. */
const notByAdmin = ['deleteOwnUser', 'endOtherSessions'];

/** What the run has made so far, for the ids in paths and bodies. */
type Known = {
  readonly products: string[];
  readonly users: string[];
  readonly purchases: string[];
  readonly sessions: string[];
};

/** Runs as many requests. @param seed the same seed gives the same plans */
export async function fuzz(
  { httpUrl, adminEmail, adminPassword }: Target,
  seed: number,
  requests: number,
): Promise<Summary> {
  const document = openApiDocument(await declaredRoutes(serviceNames, 'USD'), '');
  const plans = fc.sample(planOf(document), { seed, numRuns: requests });
  const shop = shopClient(httpUrl);
  const admin = { token: await signInAdmin(shop, adminEmail, adminPassword), at: Date.now() };
  const customers: SignedIn[] = [];
  for (let i = 0; i < 4; i++) customers.push(await signUp(shop, `Fuzz${i}`));
  const known: Known = { products: [], users: customers.map(({ id }) => id), purchases: [], sessions: [] };
  const stockCheck = createStockCheck();
  const faults: string[] = [];
  const byStatus: Record<string, number> = {};

  /** Access tokens live five minutes, and the run ends some itself. */
  async function renew(plan: Plan) {
    if (plan.sender === 'admin') {
      if (Date.now() - admin.at < 1000) return;
      admin.at = Date.now();
      admin.token = await signInAdmin(shop, adminEmail, adminPassword);
      return;
    }
    const old = customers[plan.who];
    if (old === undefined) return;
    const again = await signIn(shop, old.email, old.password).catch(() => undefined);
    customers[plan.who] = again === undefined ? await signUp(shop, `Fuzz${plan.who}`) : { ...old, ...again };
    known.users.push(customers[plan.who]?.id ?? '');
  }

  async function one(planned: Plan) {
    const isLeftToCustomers = planned.sender === 'admin' && notByAdmin.includes(planned.operationId);
    const plan: Plan = isLeftToCustomers ? { ...planned, sender: 'customer' } : planned;
    const token = {
      anonymous: undefined,
      forger: 'made.up.token',
      customer: customers[plan.who]?.token,
      admin: admin.token,
    }[plan.sender];
    const sent = requestOf(plan, known, token);
    const answer = await exchange(httpUrl, sent).catch((error: Error) => error);
    if (answer instanceof Error) {
      faults.push(
        `${sent.method} ${sent.url}: ${answer.message}; sent ${JSON.stringify(sent.headers)} ${sent.body?.slice(0, 300)}`,
      );
      return;
    }
    byStatus[answer.status] = (byStatus[answer.status] ?? 0) + 1;
    const header = (name: string) => answer.headers[name.toLowerCase()]?.toString() ?? null;
    const fault = answer.status === 500 ? answer.body : faultOfAnswer({ ...sent, ...answer, header });
    if (fault !== undefined) {
      faults.push(
        `${sent.method} ${sent.url} → ${answer.status}: ${fault}; sent ${JSON.stringify(sent.headers)} ${sent.body?.slice(0, 300)}`,
      );
    }
    if (plan.sender !== 'anonymous' && plan.sender !== 'forger' && answer.status === 401) await renew(plan);
    learn(plan, answer, header('idempotent-replayed') === 'true', known, stockCheck);
  }

  const queue = plans.values();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const plan of queue) if (faults.length < 20) await one(plan);
    }),
  );
  admin.token = await signInAdmin(shop, adminEmail, adminPassword);
  faults.push(...(await stockCheck.faults(shop, admin.token)), ...answerFaults.splice(0));
  const { products, purchases } = stockCheck.counts();
  return {
    requests: Object.values(byStatus).reduce((sum, count) => sum + count, 0),
    byStatus,
    products,
    purchases,
    faults,
  };
}

type Sent = { method: string; url: string; headers: Record<string, string>; body: string | undefined };

function requestOf(plan: Plan, known: Known, token: string | undefined): Sent {
  const kind = plan.path.startsWith('/products')
    ? 'products'
    : plan.path.startsWith('/purchases')
      ? 'purchases'
      : plan.path.includes('/me/')
        ? 'sessions'
        : 'users';
  const pick = (list: readonly string[], number: number) => list[number % Math.max(1, list.length)] ?? 'none';
  const id = 'known' in plan.id ? pick(known[kind], plan.id.known) : plan.id.text;
  // Only what a client can send: Node refuses to write a control character or a space into a request line.
  const path = plan.path.replace(/\{\w+\}/g, () => encodeURI(id).replace(/%25(?=[0-9a-f]{2}|zz)/g, '%'));
  const query = new URLSearchParams(
    Object.entries(plan.query).map(([name, value]) => [name, String(value).toWellFormed()] as [string, string]),
  );
  const body = plan.raw ?? (plan.body === undefined ? undefined : JSON.stringify(withKnownProducts(plan, known, pick)));
  const sendsBody = body !== undefined && !['GET', 'HEAD'].includes(plan.method);
  return {
    method: plan.method,
    url: `${path}${query.size > 0 ? `?${query}` : ''}`,
    headers: {
      ...(sendsBody ? { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) } : {}),
      ...plan.headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: sendsBody ? body : undefined,
  };
}

/** The body; where it orders products, mostly of those that there are. */
function withKnownProducts(
  plan: Plan,
  known: Known,
  pick: (list: readonly string[], number: number) => string,
): unknown {
  const body = plan.body as { items?: unknown };
  if (plan.operationId !== 'buy' || !Array.isArray(body?.items)) return plan.body;
  const items = body.items.map((item, i) => {
    if (typeof item?.quantity !== 'number' || i + plan.who === 4) return item;
    return {
      ...item,
      productId: pick(known.products, i + plan.who * 7),
      quantity: item.quantity > 0 ? (item.quantity % 5) + 1 : item.quantity,
    };
  });
  return { ...body, items };
}

function learn(
  plan: Plan,
  { status, body }: { status: number; body: string },
  isReplayed: boolean,
  known: Known,
  stockCheck: StockCheck,
) {
  if (status >= 300 || status === 204 || !body.startsWith('{') || plan.method === 'HEAD' || plan.method === 'OPTIONS') {
    if (status === 503) stockCheck.unknown(plan, known.products);
    return;
  }
  const answer = JSON.parse(body) as Record<string, unknown>;
  const { id } = answer as { id?: string };
  if (plan.method === 'POST' && plan.path === '/products' && id !== undefined && !isReplayed) known.products.push(id);
  if (plan.method === 'POST' && plan.path === '/purchases' && id !== undefined) known.purchases.push(id);
  if (plan.path === '/users/me/sessions') {
    known.sessions.push(
      ...(answer.data as { id: string; current: boolean }[]).filter(({ current }) => !current).map((each) => each.id),
    );
  }
  stockCheck.note(plan, answer, isReplayed);
}

function exchange(baseUrl: string, { method, url, headers, body }: Sent) {
  return new Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: string }>(
    (resolve, reject) => {
      const outgoing = httpRequest(baseUrl + url, { method, headers, timeout: timeoutMs }, async (incoming) => {
        try {
          const chunks: Buffer[] = [];
          for await (const chunk of incoming) chunks.push(chunk as Buffer);
          const bytes = Buffer.concat(chunks);
          const text = incoming.headers['content-encoding'] === 'gzip' && bytes.length > 0 ? gunzipSync(bytes) : bytes;
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text.toString() });
        } catch (error) {
          reject(error);
        }
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      outgoing.on('error', reject);
      outgoing.end(body);
    },
  );
}

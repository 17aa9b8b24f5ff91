/** Requests by the OpenAPI document: most of them good, the others broken in one way each. */
import fc, { type Arbitrary } from 'fast-check';
import { broken, type Json, valueBy } from './values.ts';

/** Who sends it. */
type Sender = 'anonymous' | 'forger' | 'customer' | 'admin';

/** A request whose ids are still names of what the run will have made: `{known}` and a number. */
export type Plan = {
  readonly operationId: string;
  readonly method: string;
  /** With parameters in braces. */
  readonly path: string;
  readonly id: { readonly known: number } | { readonly text: string };
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as it is in place of `body`. */
  readonly raw: string | undefined;
  readonly body: unknown;
  readonly sender: Sender;
  /** Number of the customer who sends it. */
  readonly who: number;
};

/** How often a call is chosen; the others once. Buying and stock are what can go wrong most expensively; a hash of a password takes long. */
const weights: Readonly<Record<string, number>> = {
  buy: 5,
  cancelPurchase: 4,
  changeStock: 3,
  createProduct: 2,
  updateProduct: 2,
  listProducts: 2,
};
/** Calls of the shop's frame are few and cheap: they need no more than the services' own calls together. */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** @param document the OpenAPI document */
export function planOf(document: Json): Arbitrary<Plan> {
  const operations = Object.entries<Json>(document.paths).flatMap(([path, byMethod]) =>
    Object.entries<Json>(byMethod).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  return fc.oneof(
    ...operations.map(({ path, method, operation }) => ({
      weight: weights[operation.operationId] ?? 1,
      arbitrary: planOfOperation(path, method, operation, document),
    })),
  );
}

function planOfOperation(path: string, method: string, operation: Json, document: Json): Arbitrary<Plan> {
  const isForAll =
    operation.security.length === 0 || operation.security.some((each: object) => Object.keys(each).length === 0);
  const parameters: Json[] = operation.parameters ?? [];
  const query = fc.record(
    Object.fromEntries(
      parameters.filter((each) => each.in === 'query').map((each) => [each.name, valueBy(each.schema, document)]),
    ),
    { requiredKeys: [] },
  );
  const schema = operation.requestBody?.content['application/json'].schema;
  const good = schema === undefined ? fc.constant(undefined) : valueBy(schema, document);
  const text = fc.constantFrom('%00', '..%2f..', 'a b', '__proto__', 'x'.repeat(200), 'ü', '%zz', '-', '0', '');
  return fc.record({
    operationId: fc.constant(operation.operationId as string),
    method: mostly(fc.constant(method), fc.constantFrom(...methods), 20),
    path: fc.constant(path),
    id: mostly(
      fc.nat(1000).map((known) => ({ known })),
      fc.oneof(fc.uuid(), text).map((each) => ({ text: each })),
      6,
    ),
    query: mostly(query, fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }), 8),
    headers: headers(),
    raw: mostly(
      fc.constant(undefined),
      fc.constantFrom('{', '', '[]', '{"a":1}}', '\ufeff{}', 'null', '"\\ud800"', '{"items":'.repeat(40)),
      25,
    ),
    body: mostly(good, broken(good), 4),
    sender: mostly(
      fc.constantFrom<Sender>(
        ...(isForAll ? (['anonymous', 'customer', 'admin'] as const) : (['customer', 'admin', 'admin'] as const)),
      ),
      fc.constantFrom<Sender>('anonymous', 'forger'),
      8,
    ),
    who: fc.nat(3),
  }) as Arbitrary<Plan>;
}

/** The first; once in `oneIn` times the second. */
function mostly<A, B>(usual: Arbitrary<A>, rare: Arbitrary<B>, oneIn: number): Arbitrary<A | B> {
  return fc.oneof({ weight: oneIn - 1, arbitrary: usual }, { weight: 1, arbitrary: rare });
}

function headers(): Arbitrary<Record<string, string>> {
  const rare = <T>(value: Arbitrary<T>, oneIn: number) => mostly(fc.constant(undefined), value, oneIn);
  const visible = fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom(...'abcXYZ019-_"/,;=* ') });
  return fc
    .record({
      // Few keys, so that some come again with another body.
      'idempotency-key': rare(
        fc.oneof(
          fc.uuid(),
          fc.nat(50).map((n) => `key-${n}`),
          visible,
        ),
        1,
      ),
      'if-match': rare(fc.constantFrom('"1"', 'W/"2"', '*', '"x', '', 'x, "1"'), 10),
      'if-none-match': rare(fc.constantFrom('"1"', '*', 'W/"1", "2"', '"'), 10),
      'x-request-id': rare(visible, 10),
      'content-type': rare(
        fc.constantFrom('text/plain', 'application/json; charset=utf-16', 'application/x-www-form-urlencoded', '/'),
        25,
      ),
      accept: rare(fc.constantFrom('text/html', '*/*;q=0', 'application/xml', ','), 10),
      'accept-encoding': rare(fc.constantFrom('gzip', 'identity', 'br;q=1.0, *;q=0'), 3),
      'x-server-timing': rare(fc.constant('1'), 10),
    })
    .map((all) =>
      Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    );
}

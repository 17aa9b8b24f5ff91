/** From a request to a handler's typed input; every fault is listed. */
import type { Request } from 'express';
import { z } from 'zod';
import { type Fault, invalid, type Refusal, refuse } from '../core/outcome.ts';
import { faultOfShape, faultsOfText, maxFaults } from './body.ts';
import type { Route } from './route.ts';

const nothing = z.strictObject({});
const unknownField = 'is unknown';
const withoutBody = z.union([z.undefined(), z.strictObject({}).transform(() => undefined)], {
  error: 'must be left out: this takes no body',
});

/** The parts of a request that come from the client, parsed. */
type Parsed = { readonly params: unknown; readonly query: unknown; readonly body: unknown };

/** Whether the parameters in the path can be what the route means by them. */
export function takesParams(route: Route, req: Request): boolean {
  return route.params === undefined || route.params.safeParse(req.params).success;
}

/** Parses by the route's schemas. Path parameters that cannot be an id are simply not there: 404. */
export function parseInput(route: Route, req: Request, body: unknown): Parsed | Refusal {
  const params = (route.params ?? nothing).safeParse(req.params);
  if (!params.success) return refuse('not-found', 'There is no resource at this path.');
  const shape = faultOfShape(body);
  if (shape !== undefined) return invalid([{ pointer: '#', detail: shape }]);
  const sentQuery = req.query; // Express parses it at each access
  const texts = [...faultsOfText(without(body, route.itemsOf)), ...faultsOfText(sentQuery).map(asParameter)];
  const query = (route.query ?? nothing).safeParse(sentQuery);
  const parsedBody = (route.body ?? withoutBody).safeParse(body);
  const faults = mergeFaults(texts, [
    ...(query.success ? [] : faultsOf(query.error, body).map(asParameter).map(inQuery(sentQuery))),
    ...(parsedBody.success ? [] : faultsOf(parsedBody.error, body)),
  ]);
  if (faults.length > 0 || !query.success || !parsedBody.success) return invalid(faults);
  return { params: params.data, query: query.data, body: parsedBody.data };
}

/** The faults of texts, and those of a schema at other places; the first hundred. */
export function mergeFaults(texts: readonly Fault[], ofSchema: readonly Fault[]): Fault[] {
  const places = new Set(texts.map(({ pointer }) => pointer));
  return [...texts, ...ofSchema.filter(({ pointer }) => !places.has(pointer))].slice(0, maxFaults);
}

/** A parameter that is sent twice arrives as an array, which is not what its schema says is wrong. */
function inQuery(sent: Request['query']): (fault: Fault) => Fault {
  return (fault) =>
    Array.isArray(sent[fault.pointer.slice(1)]) && fault.detail !== unknownField
      ? { ...fault, detail: 'must be given once' }
      : fault;
}

/** The body but for the list whose items are judged one by one. */
function without(body: unknown, name: string | undefined): unknown {
  return name === undefined || typeof body !== 'object' || body === null ? body : { ...body, [name]: undefined };
}

function asParameter(fault: Fault): Fault {
  return { ...fault, pointer: fault.pointer.replace(/^#\/?/, '?') };
}

/** How a fault reads behind the name of the field; a schema's own message comes first. */
function inWords(issue: z.core.$ZodRawIssue): string | undefined {
  const { code, input } = issue;
  if (input === undefined && /^invalid_(type|value|union)$/.test(code)) return 'is missing';
  if (code === 'invalid_type') {
    const expected = issue.expected === 'int' ? 'integer' : issue.expected;
    return `must be ${/^[aeiou]/.test(expected) ? 'an' : 'a'} ${expected}`;
  }
  if (code === 'invalid_value') return `must be ${issue.values.map(String).join(' or ')}`;
  if (code !== 'too_small' && code !== 'too_big') return undefined;
  const limit = code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
  if (code === 'too_small' && issue.minimum === 1 && /^(string|array)$/.test(issue.origin)) return 'must not be empty';
  if (issue.origin === 'string') return `must have ${limit} characters`;
  return issue.origin === 'array' ? `must have ${limit} items` : `must be ${limit}`;
}
z.config({ customError: inWords });

/**
 * Zod's issues as faults. Only the first hundred, for bodies of faults only.
 * @param at where in the body the parsed value stands
 */
export function faultsOf(error: z.ZodError, body: unknown, at: readonly PropertyKey[] = []): Fault[] {
  const faults = error.issues.slice(0, maxFaults).flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      const keys = issue.keys.slice(0, maxFaults);
      return keys.map((key) => ({ pointer: pointerOf([...at, ...issue.path, key]), detail: unknownField }));
    }
    if (issue.path.length === 0 && body === undefined) return [{ pointer: '#', detail: 'a JSON body is missing' }];
    return [{ pointer: pointerOf([...at, ...issue.path]), detail: issue.message }];
  });
  return faults.slice(0, maxFaults);
}

/** RFC 6901, as a URI fragment as in RFC 9457's example, but readable: nothing is percent-encoded. */
function pointerOf(path: readonly PropertyKey[]): string {
  return [
    '#',
    ...path.map((part) => String(part).replaceAll('~', '~0').replaceAll('/', '~1').toWellFormed().slice(0, 100)),
  ].join('/');
}

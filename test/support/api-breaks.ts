/**
 * What of an OpenAPI document breaks clients of an older one. Requests may only get wider and answers only narrower: a client that was
 * written for the old document must be able to send all that it sent, and to read all that it reads.
 */

// biome-ignore lint/suspicious/noExplicitAny: parsed JSON documents
type Json = any;

/** The breaks, each with the operation that it is in: `GET /products: the answer has no field nextCursor`. */
export function breaksBetween(before: Json, after: Json): string[] {
  const breaks: string[] = [];
  for (const [path, methods] of Object.entries<Json>(before.paths)) {
    for (const [method, operation] of Object.entries<Json>(methods)) {
      const name = `${method.toUpperCase()} ${path}`;
      const now = after.paths[path]?.[method];
      if (now === undefined) breaks.push(`${name}: is not there any more`);
      else breaks.push(...breaksOf(operation, now, before, after).map((each) => `${name}: ${each}`));
    }
  }
  return [...new Set(breaks)];
}

function breaksOf(before: Json, now: Json, old: Json, young: Json): string[] {
  const isOpen = ({ security = [] }: Json) =>
    security.length === 0 || security.some((each: object) => Object.keys(each).length === 0);
  return [
    ...(before.operationId === now.operationId
      ? []
      : [`is called ${now.operationId} instead of ${before.operationId}`]),
    ...(isOpen(before) && !isOpen(now) ? ['needs a token'] : []),
    ...parameterBreaks(before, now, old, young),
    ...bodyBreaks(before, now, old, young),
    ...answerBreaks(before, now, old, young),
  ];
}

function parameterBreaks(before: Json, now: Json, old: Json, young: Json): string[] {
  const listOf = (operation: Json, document: Json): Json[] =>
    (operation.parameters ?? []).map((each: Json) => resolve(each, document));
  const ours = listOf(before, old);
  const theirs = listOf(now, young);
  const match = (list: Json[], { name, in: place }: Json) =>
    list.find((each) => each.name === name && each.in === place);
  return [
    ...ours.flatMap((each) => {
      const then = match(theirs, each);
      if (then === undefined) return [`takes no ${each.name} any more`];
      return requestBreaks(each.schema, then.schema, each.name, old, young);
    }),
    ...theirs.flatMap((each) => (each.required && !match(ours, each)?.required ? [`needs ${each.name}`] : [])),
  ];
}

function bodyBreaks(before: Json, now: Json, old: Json, young: Json): string[] {
  const schemaOf = (operation: Json) => operation.requestBody?.content['application/json']?.schema;
  if (schemaOf(before) === undefined) return schemaOf(now) === undefined ? [] : ['needs a body'];
  if (schemaOf(now) === undefined) return ['takes no body any more'];
  return requestBreaks(schemaOf(before), schemaOf(now), 'body', old, young);
}

function answerBreaks(before: Json, now: Json, old: Json, young: Json): string[] {
  return Object.entries<Json>(before.responses)
    .filter(([status]) => status.startsWith('2'))
    .flatMap(([status, given]) => {
      const then = now.responses[status];
      if (then === undefined) return [`does not answer ${status} any more`];
      const [was, is] = [resolve(given, old), resolve(then, young)];
      const headers = Object.keys(was.headers ?? {}).filter((name) => !(name in (is.headers ?? {})));
      const bodies = Object.entries<Json>(was.content ?? {}).flatMap(([type, { schema }]) => {
        const other = is.content?.[type]?.schema;
        return other === undefined
          ? [`does not answer ${type} any more`]
          : fieldBreaks(schema, other, 'answer', old, young);
      });
      return [...headers.map((name) => `the answer has no header ${name}`), ...bodies];
    });
}

/** Limits of what may be sent: which way is wider. */
const upper = ['maximum', 'maxLength', 'maxItems', 'maxProperties'];
const lower = ['minimum', 'minLength', 'minItems', 'minProperties'];

/** What could be sent and cannot be sent any more. An unknown field is refused, so that a field taken away is a break. */
function requestBreaks(before: Json, now: Json, place: string, old: Json, young: Json): string[] {
  const [was, is] = [resolve(before, old), resolve(now, young)];
  const alternatives = (schema: Json) => schema.anyOf ?? schema.oneOf ?? [schema];
  if (alternatives(was).length > 1 || alternatives(is).length > 1) {
    return alternatives(was).flatMap((each: Json) => {
      const tries: string[][] = alternatives(is).map((other: Json) => requestBreaks(each, other, place, old, young));
      return tries.some((found) => found.length === 0) ? [] : (tries[0] ?? []);
    });
  }
  const tighter = [
    ...upper.filter((name) => is[name] !== undefined && !(was[name] <= is[name])),
    ...lower.filter((name) => is[name] !== undefined && !(was[name] >= is[name])),
    ...['pattern', 'format', 'const'].filter((name) => is[name] !== undefined && was[name] !== is[name]),
  ];
  const lost = (was.enum ?? []).filter((value: unknown) => is.enum !== undefined && !is.enum.includes(value));
  const isNarrowed = was.enum === undefined && is.enum !== undefined;
  return [
    ...typeBreaks(was, is, place),
    ...tighter.map((name) => `${place} has another ${name}: ${is[name]} instead of ${was[name] ?? 'none'}`),
    ...(isNarrowed ? [`${place} must be one of ${is.enum}`] : []),
    ...lost.map((value: unknown) => `${place} cannot be ${value} any more`),
    ...(is.required ?? [])
      .filter((name: string) => !was.required?.includes(name))
      .map((name: string) => `${place} needs ${name}`),
    ...Object.entries(was.properties ?? {}).flatMap(([name, each]) => {
      const then = is.properties?.[name];
      return then === undefined
        ? [`${place} takes no ${name} any more`]
        : requestBreaks(each, then, `${place}.${name}`, old, young);
    }),
    ...(was.items === undefined || is.items === undefined
      ? []
      : requestBreaks(was.items, is.items, `${place}[]`, old, young)),
  ];
}

/** What could be read and cannot be read any more. */
function fieldBreaks(before: Json, now: Json, place: string, old: Json, young: Json): string[] {
  const [was, is] = [resolve(before, old), resolve(now, young)];
  const nullable = (schema: Json) => (schema.anyOf ?? []).some((each: Json) => each.type === 'null');
  if (!nullable(was) && nullable(is)) return [`${place} may be null`];
  const unfolded = (schema: Json) =>
    resolve((schema.anyOf ?? []).find((each: Json) => each.type !== 'null') ?? schema, {});
  const [inner, other] = [resolve(unfolded(was), old), resolve(unfolded(is), young)];
  return [
    ...typeBreaks(inner, other, place),
    ...Object.entries(inner.properties ?? {}).flatMap(([name, each]) => {
      const then = other.properties?.[name];
      if (then === undefined) return [`${place} has no ${name} any more`];
      const isOptional = inner.required?.includes(name) && !other.required?.includes(name);
      return [
        ...(isOptional ? [`${place} may lack ${name}`] : []),
        ...fieldBreaks(each, then, `${place}.${name}`, old, young),
      ];
    }),
    ...(inner.items === undefined || other.items === undefined
      ? []
      : fieldBreaks(inner.items, other.items, `${place}[]`, old, young)),
  ];
}

/** A request may take further types, an answer may have fewer. */
function typeBreaks(was: Json, is: Json, place: string): string[] {
  const typesOf = ({ type }: Json): string[] => (type === undefined ? [] : [type].flat());
  const [before, now] = place.startsWith('answer') ? [typesOf(is), typesOf(was)] : [typesOf(was), typesOf(is)];
  const isNarrower = now.length > 0 && (before.length === 0 || before.some((type) => !now.includes(type)));
  return isNarrower ? [`${place} is ${is.type ?? 'anything'} instead of ${was.type ?? 'anything'}`] : [];
}

function resolve(schema: Json, document: Json): Json {
  if (typeof schema?.$ref !== 'string' || document.components === undefined) return schema ?? {};
  const [, , kind, name] = schema.$ref.split('/');
  return document.components[kind][name];
}

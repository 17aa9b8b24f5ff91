/** Values by a JSON schema of the document: good ones, and ones with a single thing wrong. */
import fc, { type Arbitrary } from 'fast-check';

// biome-ignore lint/suspicious/noExplicitAny: a parsed JSON document
export type Json = any;

/** Values that have broken servers before. */
const nasty: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1e308,
  9_007_199_254_740_992,
  1.5,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ﷽ 🏳️‍🌈',
  "'; DROP TABLE users; --",
  '../../etc/passwd',
  '{{7*7}}',
  'x'.repeat(3000),
  [],
  {},
  [[[[[]]]]],
  { __proto__: null, constructor: { prototype: {} } },
];

/** @param document for references */
export function valueBy(schema: Json, document: Json): Arbitrary<unknown> {
  const { type, properties = {}, required = [] } = schema;
  if (schema.$ref !== undefined) return valueBy(document.components.schemas[schema.$ref.split('/').at(-1)], document);
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return fc.oneof(...alternatives.map((each: Json) => valueBy(each, document)));
  if (Array.isArray(type)) return fc.oneof(...type.map((each) => valueBy({ ...schema, type: each }, document)));
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return fc.integer({ min: schema.minimum ?? -1_000_000, max: Math.min(schema.maximum ?? 1_000_000, 1_000_000) });
    case 'array':
      return fc.array(valueBy(schema.items ?? {}, document), { minLength: schema.minItems ?? 0, maxLength: 5 });
    case 'object': {
      const fields = Object.fromEntries(
        Object.entries(properties).map(([name, each]) => [name, valueBy(each, document)]),
      );
      return fc.record(fields, { requiredKeys: required });
    }
    case 'string':
      return textOf(schema);
    default:
      return fc.jsonValue();
  }
}

function textOf({ format, pattern, minLength = 0, maxLength = 200 }: Json): Arbitrary<string> {
  if (format === 'email') return fc.emailAddress();
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  if (pattern !== undefined && pattern !== '\\S') return fc.stringMatching(new RegExp(pattern));
  return fc.string({ minLength, maxLength: Math.min(maxLength, 60), unit: fc.constantFrom(...'abc XYZ 019-_ é漢') });
}

/** The value with one thing wrong: a member lost, replaced or added, at any depth, or something else altogether. */
export function broken(value: Arbitrary<unknown>): Arbitrary<unknown> {
  const wrong = fc.constantFrom(...nasty);
  const edit = fc.record({ how: fc.constantFrom('drop', 'replace', 'add', 'whole'), at: fc.nat(20), wrong });
  return fc.tuple(value, edit).map(([given, { how, at, wrong: bad }]) => {
    if (how === 'whole' || typeof given !== 'object' || given === null) return bad;
    const copy = structuredClone(given) as Record<string, unknown>;
    const places = placesIn(copy);
    const place = places[at % Math.max(1, places.length)];
    if (how === 'add' || place === undefined) copy[`surprise${at}`] = bad;
    else if (how === 'drop' && !Array.isArray(place.of)) delete place.of[place.name];
    else place.of[place.name] = bad;
    return copy;
  });
}

function placesIn(value: Record<string, unknown>): { of: Record<string, unknown>; name: string }[] {
  return Object.entries(value).flatMap(([name, inner]) => [
    { of: value, name },
    ...(typeof inner === 'object' && inner !== null ? placesIn(inner as Record<string, unknown>) : []),
  ]);
}

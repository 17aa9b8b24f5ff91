/** What a text or an object from outside may not contain. */
import { describe, expect, test } from 'vitest';
import { faultOfShape, faultsOfText } from '../../../api/http/body.ts';

const pointers = (value: unknown) => faultsOfText(value).map((fault) => fault.pointer);

describe('faults of a body', () => {
  test('ordinary text in any script, with emoji, has none', () => {
    expect(pointers({ name: 'Größe ☃ 😀 中文', list: [1, true, null, 'x'] })).toEqual([]);
  });

  test('NUL is found wherever it stands, each place with its pointer', () => {
    expect(pointers({ a: 'x\0', b: [{ c: '\0' }] }).sort()).toEqual(['#/a', '#/b/0/c']);
  });

  test('a lone surrogate is found in values and in names', () => {
    expect(pointers(JSON.parse('{"a":"\\ud800","\\udfff":1}'))).toHaveLength(2);
  });

  test('__proto__ as a name is a fault, at any depth', () => {
    expect(pointers(JSON.parse('{"a":{"__proto__":{"role":"admin"}}}'))).toEqual(['#/a/__proto__']);
  });

  test('nesting without end is found without overflowing the stack', () => {
    expect(faultOfShape(JSON.parse('['.repeat(40_000) + ']'.repeat(40_000)))).toBe('is nested too deep');
    expect(faultOfShape({ products: [{ price: { amount: 1 } }] })).toBeUndefined();
  });

  test('an object of more fields than any of ours is one fault, and is not walked', () => {
    const fields = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`field-${i}`, '\0']));
    const many = fields(201);
    expect(faultOfShape(fields(200))).toBeUndefined();
    expect(faultOfShape(many)).toBe('has more than 200 fields');
    expect(faultOfShape({ products: [many] })).toBe('has more than 200 fields');
    expect(faultOfShape({ products: Array(1000).fill({ name: 'boots' }) })).toBeUndefined();
  });

  test('names in pointers are escaped as RFC 6901 says', () => {
    expect(pointers({ 'a/b~c': '\0' })).toEqual(['#/a~1b~0c']);
  });

  test('a body of faults only is answered with a bounded list', () => {
    expect(faultsOfText(Array.from({ length: 10_000 }, () => '\0')).length).toBeLessThanOrEqual(100);
  });
});

/** Ids: what they look like, that they differ, and that they sort by time. */
import { expect, test } from 'vitest';
import { idPattern, newId, newShortId, newVersionId, timeOfId } from '../../../api/core/ids.ts';

const at = Date.UTC(2026, 10, 22);

test('a short id is a valid id of 14 characters, and later ones sort after earlier ones, byte by byte', () => {
  const times = [0, at, at + 1, at + 63, at + 64, at + 4096, at + 1e9, Date.UTC(2109, 0, 1)];
  const ids = times.map((time) => newShortId(time));
  for (const id of ids) expect(id).toMatch(idPattern);
  expect(ids.map((id) => id.length)).toEqual(times.map(() => 14));
  expect(ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))).toEqual(ids);
});

test('ids of one millisecond differ', () => {
  for (const make of [newShortId, newId, newVersionId] as const) {
    const made = Array.from({ length: 20_000 }, () => make(at as never));
    expect(new Set(made).size).toBe(made.length);
  }
});

test('an id tells when it was made', () => {
  const later = Date.now() + 60_000;
  expect(timeOfId(newId(later))).toBe(later);
});

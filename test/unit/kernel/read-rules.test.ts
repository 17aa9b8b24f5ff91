/** Which node is new enough for a read, and what is known about the durability of what it shows: node a is the master, b and c its replicas. */
import { describe, expect, test } from 'vitest';
import {
  covers,
  indexOfReplicas,
  isFreshEnough,
  isReusable,
  judgeSnapshot,
  type ReadIndex,
} from '../../../api/redis/read-rules.ts';
import type { Role } from '../../../api/redis/role.ts';

const [a, b, c] = ['h:1', 'h:2', 'h:3'] as const;
const index: ReadIndex = { master: a, offset: 100, atMs: 0 };
const withoutMaster: ReadIndex = { history: 'now', offset: 100, atMs: 0 };
const follows = (offset: number, changes: Partial<Role> = {}): Role => ({
  follows: a,
  state: 'connected',
  history: 'now',
  offset,
  ...changes,
});
const master: Role = { state: 'master', history: 'now', offset: 100 };

describe('a node has everything up to the index', () => {
  test.each<[string, boolean, Role, ReadIndex, string?]>([
    ['a replica that has got there', true, follows(100), index],
    ['a replica that is behind', false, follows(99), index],
    ['a replica of another', false, follows(100, { follows: c }), index],
    ['a replica that has lost its master', false, follows(100, { state: 'connect' }), index],
    ['the master itself', true, master, index, a],
    ['another master', false, master, index, b],
    ['a master, where only replicas may answer', false, master, index],
    ['without a master: a replica in the same history', true, follows(100, { state: 'connect' }), withoutMaster],
    ['without a master: a replica in another history', false, follows(100, { history: 'before' }), withoutMaster],
    ['without a master: a replica that is being filled', false, follows(100, { state: 'sync' }), withoutMaster],
  ])('%s: %s', (_name, expected, role, wanted, node) => expect(covers(role, wanted, node)).toBe(expected));
});

describe('the index while no master answers', () => {
  const of = (roles: [string, Role][], history: string | undefined = 'now') =>
    indexOfReplicas(a, [b, c], new Map(roles), history, 7);
  test('is the offset of the furthest replica', () => {
    const roles: [string, Role][] = [
      [b, follows(90)],
      [c, follows(100)],
    ];
    expect(of(roles)).toEqual({ history: 'now', offset: 100, atMs: 7 });
  });
  test.each<[string, [string, Role][], string?]>([
    ['one of them does not answer', [[b, follows(100)]]],
    [
      'one stands in another history',
      [
        [b, follows(100)],
        [c, follows(100, { history: 'before' })],
      ],
    ],
    [
      'one follows another',
      [
        [b, follows(100)],
        [c, follows(100, { follows: b })],
      ],
    ],
    [
      'one is a master',
      [
        [b, follows(100)],
        [c, master],
      ],
    ],
    [
      'one is being filled',
      [
        [b, follows(100)],
        [c, follows(100, { state: 'sync' })],
      ],
    ],
  ])('is not known when %s', (_name, roles) => expect(of(roles)).toBeUndefined());
  test('is not known before the master has told its history', () => {
    expect(
      indexOfReplicas(
        a,
        [b, c],
        new Map([
          [b, follows(1)],
          [c, follows(1)],
        ]),
        undefined,
        7,
      ),
    ).toBeUndefined();
  });
});

describe('a snapshot that ends at offset 110', () => {
  const judge = (roles: [string, Role][], acknowledged: [string, number][] = [], wanted = index) =>
    judgeSnapshot(110, wanted, [b, c], new Map(roles), new Map(acknowledged), 1000);
  const claim = { master: a, offset: 110, confirmed: new Set([b]), settledAtMs: 1050 };

  test.each<[string, ReturnType<typeof judge>, ReturnType<typeof judge>]>([
    [
      'all replicas have it',
      judge([
        [b, follows(110)],
        [c, follows(110)],
      ]),
      'durable',
    ],
    ['one does not answer, and has confirmed it to the master', judge([[b, follows(110)]], [[c, 110]]), 'durable'],
    [
      'all have the index, one not yet all of it',
      judge([
        [b, follows(110)],
        [c, follows(105)],
      ]),
      'ask-again',
    ],
    [
      'none has it yet',
      judge([
        [b, follows(90)],
        [c, follows(90)],
      ]),
      'ask-again',
    ],
    [
      'one does not answer, and is connected to the master',
      judge([[b, follows(110)]], [[c, 90]]),
      { claim, mayCatchUp: true },
    ],
    [
      'one is behind and connected',
      judge([
        [b, follows(110)],
        [c, follows(90)],
      ]),
      { claim, mayCatchUp: true },
    ],
    ['one does not answer, nor the master', judge([[b, follows(110)]]), { claim, mayCatchUp: false }],
    [
      'one has lost the master',
      judge([
        [b, follows(110)],
        [c, follows(90, { state: 'connect' })],
      ]),
      { claim, mayCatchUp: false },
    ],
    [
      'without a master, one is behind',
      judge(
        [
          [b, follows(110)],
          [c, follows(90)],
        ],
        [],
        withoutMaster,
      ),
      'not-durable',
    ],
  ])('%s', (_name, found, expected) => expect(found).toEqual(expected));
});

describe('ages', () => {
  test('an index serves further reads without a token for half a second', () => {
    expect([499, 500].map((nowMs) => isReusable(index, nowMs))).toEqual([true, false]);
    expect(isReusable(undefined, 0)).toBe(false);
  });
  test('an answer needs an index and a named master that are both at most a second old', () => {
    expect(isFreshEnough(index, 0, 1000)).toBe(true);
    expect(isFreshEnough(index, 500, 1001)).toBe(false);
    expect(isFreshEnough({ ...index, atMs: 500 }, 0, 1001)).toBe(false);
  });
});

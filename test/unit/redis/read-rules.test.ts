/** Which node is new enough for a read, and what is known about the durability of what it shows: node a is the master, b and c its replicas. */
import { describe, expect, test } from 'vitest';
import {
  covers,
  indexOfReplicas,
  isFreshEnough,
  isReusable,
  judgeSnapshot,
  orderOfReplicas,
  type ReadIndex,
} from '../../../api/redis/reads/read-rules.ts';
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

describe('the order in which a read asks the replicas', () => {
  const view = (down: string[] = []) => ({
    master: a,
    epoch: 1,
    replicas: [b, c].map((address) => ({
      address,
      flags: new Set(down.includes(address) ? ['slave', 's_down'] : ['slave']),
    })),
  });
  const nodes = new Set([a, b, c]);
  test.each<[string, number, ReturnType<typeof view> | undefined, ReadonlySet<string>, string[]]>([
    ['the first turn begins at the first', 0, view(), nodes, [b, c]],
    ['the next one at the next', 1, view(), nodes, [c, b]],
    ['and then again at the first', 2, view(), nodes, [b, c]],
    ['one that is down is left out', 1, view([b]), nodes, [c]],
    ['both are down', 3, view([b, c]), nodes, []],
    ['one that no Sentinel names yet is asked', 0, { ...view(), replicas: [] }, nodes, [b, c]],
    ['no master is known', 1, undefined, nodes, [b, c, a]],
    ['there is only the master', 5, view(), new Set([a]), []],
  ])('%s', (_name, turn, seen, known, expected) => expect(orderOfReplicas(known, seen, turn)).toEqual(expected));
});

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

/** What a starting Redis node and a running Sentinel decide (redis/decide.sh), one row for each situation. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

type Inputs = Readonly<Record<string, string | number>>;

/** Runs a decision with the inputs as shell variables. @returns what it printed, without the last newline, and its exit code */
function decide(decision: string, inputs: Inputs): { printed: string; code: number | null } {
  const assignments = Object.entries(inputs).map(([name, value]) => `${name}='${value}'`);
  const script = `set -eu; . redis/decide.sh; ${assignments.join('; ')}; ${decision}`;
  const { stdout, stderr, status } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return { printed: stdout.trimEnd(), code: status };
}

describe('the node that the Sentinels name as the master, with its data, alone', () => {
  const alone: Inputs = {
    answers: 3,
    epoch: 4,
    known: 2,
    alive: 0,
    electing: 0,
    others: 2,
    running: 0,
    empty: 0,
    filled: '',
    data: 'whole',
    alone_s: 0,
    together_s: 0,
  };
  const withOthers: Inputs = { ...alone, running: 2, alive: 2, filled: 'h:2' };
  const empty: Inputs = { ...alone, data: 'none' };

  test.each<[situation: string, decision: string, Inputs]>([
    ['no other node runs', 'start alone', alone],
    ['only one Sentinel answers', 'wait two-sentinels', { ...alone, answers: 1 }],
    ['its append-only file is damaged: another one may come', 'wait damaged-alone', { ...alone, data: 'damaged' }],
    ['its append-only file is damaged, for 30 s', 'start alone', { ...alone, data: 'damaged', alone_s: 30 }],
    ['others run: one of them is being elected', 'wait election', withOthers],
    ['others run and none was elected in 15 s', 'start none-elected', { ...withOthers, together_s: 15 }],
    [
      'others run, and after 15 s an election is under way',
      'wait election',
      { ...withOthers, together_s: 15, electing: 1 },
    ],
    [
      'others run, and its append-only file is damaged',
      'wait election',
      { ...withOthers, data: 'damaged', together_s: 15 },
    ],
    [
      'others run, its append-only file is damaged, and none was elected in 30 s',
      'start none-elected',
      { ...withOthers, data: 'damaged', together_s: 30 },
    ],
    ['this node reaches no other, but a Sentinel does', 'wait election', { ...alone, alive: 1, together_s: 3 }],
    ['first start of all', 'start first', { ...empty, epoch: 0, known: 0, running: 2, empty: 2 }],
    [
      'empty, the Sentinels new, but another node has data',
      'wait empty-not-elected-yet',
      { ...empty, epoch: 0, known: 0, running: 1, filled: 'h:2' },
    ],
    [
      'empty, and another node runs',
      'wait empty-not-elected-yet',
      { ...empty, running: 1, filled: 'h:2', together_s: 60 },
    ],
    ['empty, and no other node runs', 'wait empty-alone', { ...empty, alone_s: 60 }],
    ['all nodes are empty', 'wait empty-not-elected-yet', { ...empty, running: 2, empty: 2 }],
    [
      'all nodes are empty, and none was elected in 15 s',
      'start all-empty',
      { ...empty, running: 2, empty: 2, together_s: 15 },
    ],
    [
      'empty, one of the others does not run',
      'wait empty-not-elected-yet',
      { ...empty, running: 1, empty: 1, together_s: 60 },
    ],
  ])('%s: %s', (_situation, decision, inputs) => {
    expect(decide('decide_lead', inputs)).toEqual({ printed: decision, code: 0 });
  });
});

describe('a Sentinel that leads a failover', () => {
  const stuck: Inputs = { failing_over: 1, promoted_down_ms: 5000, watched: 'h:1', named: 'h:1 h:1' };
  test.each<[situation: string, isStuck: boolean, Inputs]>([
    ['the promoted replica is down for 5 s, and the others have gone on with the node watched here', true, stuck],
    ['it runs none', false, { ...stuck, failing_over: 0 }],
    ['the promoted replica is down for a moment', false, { ...stuck, promoted_down_ms: 4999 }],
    ['only one other answers', false, { ...stuck, named: 'h:1' }],
    ['one of the others names the promoted replica', false, { ...stuck, named: 'h:1 h:2' }],
    ['the others name a third node: their next hello message ends it', false, { ...stuck, named: 'h:3 h:3' }],
    ['no other answers', false, { ...stuck, named: '' }],
  ])('%s: %s', (_situation, isStuck, inputs) => {
    expect(decide('decide_stuck && echo yes || echo no', inputs).printed).toBe(isStuck ? 'yes' : 'no');
  });
});

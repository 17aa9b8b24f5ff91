/** The model does what real Redis and Sentinels did in the same cuts, and selects as production expects. */
import { expect, test } from 'vitest';
import { selectReplica } from '../../api/redis/sentinels/election.ts';
import { sentinelPeriods } from '../../api/redis/sentinels/proof.ts';
import { chooseAsBefore, chooseAsProduction } from './failover-requests.ts';
import { createNetwork } from './network.ts';
import { rules } from './rules.ts';
import { scenarios, scheduleOf } from './scenarios.ts';
import { drawSchedule, processNames } from './schedule.ts';
import { earlierSettings, shopSettings } from './sentinel.ts';
import { reportOf } from './sentinel-answer.ts';
import { selectSlave } from './sentinel-failover.ts';
import { createCluster, plan, play } from './simulation.ts';
import { createSimulator } from './simulator.ts';

type Name = keyof typeof scenarios;

function playScenario(name: Name, lengthMs: number, rule: 'fence' | 'production') {
  const choose = rule === 'fence' ? chooseAsBefore : chooseAsProduction;
  return play(scheduleOf(name, lengthMs, 2), {
    rule: rules[rule],
    settings: rule === 'fence' ? earlierSettings : shopSettings,
    writeEveryMs: 100,
    choose,
  });
}

test('HD1 with the rule of before: writes of the first second are lost (37 of 236 with real Redis)', () => {
  const { lost, acknowledged } = playScenario('HD1', 6000, 'fence');
  expect(lost.length / acknowledged).toBeGreaterThan(0.1);
  expect(lost.length / acknowledged).toBeLessThan(0.35);
});

test('HD2 with the rule of before: nothing is lost, writes go on on the other side', () => {
  expect(playScenario('HD2', 6000, 'fence')).toMatchObject({ lost: [], failovers: 1, master: 'redis-3' });
});

test.each<Name>(['HD3', 'HD3b', 'HD3c'])(
  '%s with the rule of before: nothing is lost, no write for 18 of 20 s',
  (name) => {
    const outcome = playScenario(name, 20_000, 'fence');
    expect(outcome.lost).toEqual([]);
    expect(outcome.longestGapMs).toBeGreaterThan(18_000);
  },
);

test('FLAP with the requests of before: more than one failover in 15 s', () => {
  expect(playScenario('FLAP', 15_000, 'fence').failovers).toBeGreaterThan(1);
});

test.each(Object.keys(scenarios) as Name[])('%s with the rule of production: nothing is lost', (name) => {
  expect(playScenario(name, 4000, 'production')).toMatchObject({ lost: [], wentBack: [], stale: [], isSettled: true });
});

/** The link between two of three hosts: writes go on from every host that reaches a majority (6 s elsewhere, 9 s on the two hosts). */
test.each<[Name, number]>([
  ['HD3', 6000],
  ['HD3b', 9000],
  ['HD3c', 9000],
])(
  '%s with the rule of production: writes go on within %i ms while the cut lasts, and nothing is lost',
  (name, withinMs) => {
    const outcome = playScenario(name, 20_000, 'production');
    expect(outcome).toMatchObject({ lost: [], wentBack: [], stale: [], isSettled: true });
    expect(outcome.duringCut).toBeGreaterThan(0);
    expect(outcome.longestGapMs).toBeLessThan(withinMs);
  },
);

test('production selects the replica that the Sentinel would select', () => {
  let selections = 0;
  for (let seed = 1; seed <= 8; seed++) {
    const sim = createSimulator(seed);
    const schedule = drawSchedule(seed, 'not promised');
    const net = createNetwork(sim, processNames, schedule.latencyMs, schedule.resumes);
    for (const process of net.processes) process.clock = { rate: 1, offsetMs: 10_000_000 };
    const { sentinels } = createCluster(sim, net, shopSettings);
    for (const fault of schedule.faults) plan(sim, net, fault);
    for (let atMs = 1500; atMs < 8000; atMs += 130) {
      sim.run(atMs);
      for (const sentinel of sentinels.values()) {
        const report = reportOf(sentinel);
        if (report.master !== sentinel.master.name) continue; // a leader that switches forgets its replicas first
        const selected = selectSlave(sentinel);
        expect(selectReplica(report, sentinelPeriods)?.address).toBe(selected?.name);
        selections += Number(selected !== undefined);
      }
    }
  }
  expect(selections).toBeGreaterThan(300);
});

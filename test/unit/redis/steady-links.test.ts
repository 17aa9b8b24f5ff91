/** For how long a Sentinel has heard a replica without a break. */
import { expect, test } from 'vitest';
import { trackSteadyLinks } from '../../../api/redis/sentinels/steady-links.ts';
import { replicaReport, sentinelReport, silentSentinel } from '../../support/sentinel-reports.ts';

const disconnected = { flags: new Set(['slave', 'disconnected']) };

test.each([
  ['down', { down: true }],
  ['disconnected', disconnected],
])('counts since the Sentinel last reported the replica as %s', (_, broken) => {
  const links = trackSteadyLinks();
  links.observe([sentinelReport(1, 'h:1', [replicaReport('h:2', broken), replicaReport('h:3')])], 1000);
  links.observe([sentinelReport(1, 'h:1', [replicaReport('h:2'), replicaReport('h:3')])], 1250);
  links.observe([silentSentinel(1)], 1500);
  expect(links.steadyForMs('s:1', 'h:2', 5000)).toBe(4000);
  expect(links.steadyForMs('s:1', 'h:3', 5000)).toBe(Number.POSITIVE_INFINITY);
  expect(links.steadyForMs('s:2', 'h:2', 5000)).toBe(Number.POSITIVE_INFINITY);
});

test('a replica that the Sentinel has not heard yet, because it has just started, is no broken link', () => {
  const links = trackSteadyLinks();
  links.observe([sentinelReport(1, 'h:1', [replicaReport('h:2', { ...disconnected, runId: '' })])], 1000);
  expect(links.steadyForMs('s:1', 'h:2', 2000)).toBe(Number.POSITIVE_INFINITY);
});

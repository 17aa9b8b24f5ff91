/** Which Sentinels could lead a failover (canLead in api/redis/sentinels/election.ts). */
import { expect, test } from 'vitest';
import { canLead } from '../../../api/redis/sentinels/election.ts';
import type { PeerReport, SentinelReport } from '../../../api/redis/sentinels/sentinel-report.ts';
import { peerReports, reportOfAbc, silentSentinel } from '../../support/sentinel-reports.ts';

/** Whether Sentinel 1, which does not answer this service, could lead. @param peers what the Sentinels 2 and 3, which hear the master, list */
function firstCanLead(peers: [ofSecond: PeerReport[], ofThird: PeerReport[]]): boolean {
  const first = silentSentinel(1);
  const answers: SentinelReport[] = [2, 3].map((number, i) => reportOfAbc(number, { peers: peers[i] ?? [] }));
  return canLead(first, [first, ...answers], answers);
}

test.each<[situation: string, peers: [PeerReport[], PeerReport[]], isPossible: boolean]>([
  ['both others hear it', [peerReports(2), peerReports(3)], true],
  ['one other has lost it', [peerReports(2, [1]), peerReports(3)], true],
  ['both others have lost it', [peerReports(2, [1]), peerReports(3, [1])], false],
  ['the others do not list it, so that they may still hear of it and vote for it', [[], []], true],
])('a silent Sentinel, %s: %s', (_situation, peers, isPossible) => {
  expect(firstCanLead(peers)).toBe(isPossible);
});

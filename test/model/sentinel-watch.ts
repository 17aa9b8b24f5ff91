/** What runs beside every Sentinel (redis/sentinel.sh): it ends a failover that the Sentinel would never finish. */
import { gather, later, request } from './requests.ts';
import {
  closeConnection,
  createInstance,
  currentMaster,
  event,
  forgetFailover,
  mstime,
  type Sentinel,
} from './sentinel.ts';

const lookEveryMs = 2000;
const leastDownMs = 5000;
const answerMs = 1000;

/** Starts to look, every 2 s. No random number decides when: a seed in which nothing is stuck plays as it did before this was part of the model. */
export function startWatch(s: Sentinel, firstMs: number): void {
  const look = () => {
    endStuckFailover(s);
    later(s, lookEveryMs, look);
  };
  later(s, firstMs, look);
}

/** end_stuck_failover and decide_stuck. */
function endStuckFailover(s: Sentinel): void {
  const { promotedSlave } = s;
  if (!s.failoverInProgress || !promotedSlave?.sDown || mstime(s) - promotedSlave.sDownSinceTime < leastDownMs) return;
  const watched = s.master.name;
  gather<Sentinel, string | undefined>(
    [...s.peers.values()].filter((peer) => peer !== s),
    (peer, done) => request<string>(s, peer.process, answerMs, (reply) => reply(currentMaster(peer)), done),
    (answers) => {
      const named = answers.filter((answer) => answer !== undefined);
      if (named.length >= 2 && named.every((name) => name === watched)) resetMaster(s);
    },
  );
}

/** sentinelResetMaster, with the Sentinels: replicas are learnt again by INFO, Sentinels by hello messages. */
function resetMaster(s: Sentinel): void {
  event(s, `+reset-master ${s.master.name}`);
  for (const instance of [s.master, ...s.slaves.values(), ...s.sentinels.values()]) {
    closeConnection(instance.link, 'cc');
    closeConnection(instance.link, 'pc');
  }
  const { leaderEpoch, lastPubTime, infoRefresh } = s.master;
  s.master = { ...createInstance('master', s.master.name, mstime(s)), leaderEpoch, lastPubTime, infoRefresh };
  s.slaves = new Map();
  s.sentinels.clear();
  forgetFailover(s);
}

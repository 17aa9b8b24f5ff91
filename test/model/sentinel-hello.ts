/** Hello messages: how the Sentinels learn of each other and of a new master (sentinelProcessHelloMessage), and the switch to it. */
import type { Hello } from './redis-node.ts';
import { closeConnection, createInstance, event, forgetFailover, mstime, type Sentinel } from './sentinel.ts';

/** sentinelResetMasterAndChangeAddress: the switch to another master forgets everything about the replicas and the failover. */
export function switchMaster(s: Sentinel, masterName: string): void {
  event(s, `+switch-master ${s.master.name} ${masterName} (config epoch ${s.configEpoch})`);
  const now = mstime(s);
  const names = new Set([...s.slaves.keys(), s.master.name]);
  names.delete(masterName);
  for (const instance of [s.master, ...s.slaves.values()]) {
    closeConnection(instance.link, 'cc');
    closeConnection(instance.link, 'pc');
  }
  // The master keeps its instance with the time of its last vote, hello and reconnection; all else is new.
  const { leaderEpoch, lastPubTime, link, infoRefresh } = s.master;
  const fresh = createInstance('master', masterName, now);
  const lastReconnTime = link.lastReconnTime;
  s.master = { ...fresh, leaderEpoch, lastPubTime, infoRefresh, link: { ...fresh.link, lastReconnTime } };
  s.slaves = new Map([...names].map((name) => [name, createInstance('slave', name, now)]));
  forgetFailover(s);
}

/** sentinelProcessHelloMessage. */
export function processHello(s: Sentinel, hello: Hello): void {
  if (hello.from === s.process.name) return;
  let from = s.sentinels.get(hello.from);
  if (from === undefined) {
    from = createInstance('sentinel', hello.from, mstime(s));
    s.sentinels.set(hello.from, from);
  }
  if (hello.currentEpoch > s.currentEpoch) s.currentEpoch = hello.currentEpoch;
  if (s.configEpoch < hello.configEpoch) {
    s.configEpoch = hello.configEpoch;
    if (hello.master !== s.master.name) switchMaster(s, hello.master);
  }
  from.lastHelloTime = mstime(s);
}

/** sentinelForceHelloUpdateForMaster. */
export function forceHelloUpdate(s: Sentinel): void {
  for (const instance of [s.master, ...s.sentinels.values(), ...s.slaves.values()])
    instance.lastPubTime -= s.settings.publishPeriod + 1;
}

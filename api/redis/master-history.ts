/** The replication id of the present master, by which offsets compare: see role.ts. */
import { monotonicMs } from '../core/clock.ts';
import type { Role } from './role.ts';
import type { Sentinels } from './sentinels/sentinels.ts';

const intervalMs = 500;
const unknownIntervalMs = 50;

/**
 * Learns the replication id of the present master, from it or from a replica that is connected to it; again after each change of master.
 * @param infoOf asks one node by INFO
 * @param replicaInfos asks all replicas by INFO
 * @returns `id`: `undefined` until it was learned since the master became master
 */
export function watchMasterHistory(
  sentinels: Pick<Sentinels, 'view' | 'onMaster'>,
  infoOf: (address: string) => Promise<Role | undefined>,
  replicaInfos: () => Promise<ReadonlyMap<string, Role>>,
): { id(): string | undefined; close(): void } {
  let known: { readonly master: string; readonly id: string } | undefined;
  let learnedAtMs = Number.NEGATIVE_INFINITY;

  async function learn() {
    const master = sentinels.view()?.master;
    if (master === undefined) return;
    const own = await infoOf(master);
    const isConnected = (role: Role) => role.follows === master && role.state === 'connected';
    const role = own?.state === 'master' ? own : [...(await replicaInfos()).values()].find(isConnected);
    if (role?.history !== undefined && sentinels.view()?.master === master) known = { master, id: role.history };
  }

  const timer = setInterval(() => {
    if (known !== undefined && monotonicMs() - learnedAtMs < intervalMs) return;
    learnedAtMs = monotonicMs();
    learn().catch(() => undefined);
  }, unknownIntervalMs);
  timer.unref();

  const stop = sentinels.onMaster(() => {
    known = undefined;
  });

  return {
    id: () => (known?.master === sentinels.view()?.master ? known?.id : undefined),
    close() {
      clearInterval(timer);
      stop();
    },
  };
}

/** The lines of the shop's own configuration that matter to a cut of the network; the rest of redis.conf and sentinel.conf is left out. */

/** The lines of redis.conf that matter here, without passwords. */
export function redisLines(port: number): string[] {
  return [
    'protected-mode no',
    'appendonly yes',
    'save ""',
    'replica-announce-ip 127.0.0.1',
    `replica-announce-port ${port}`,
    'user users on nopass ~* &* +@all',
    'min-replicas-to-write 1',
    'min-replicas-max-lag 2',
    'repl-diskless-sync-delay 0',
    'repl-ping-replica-period 1',
    'repl-timeout 5',
    'repl-backlog-size 64mb',
  ];
}

/** The lines of sentinel.conf that matter here. */
export function sentinelLines(port: number, masterPort: number): string[] {
  return [
    'requirepass x',
    'user users on >x ~* &* +@all',
    'sentinel sentinel-pass x',
    'sentinel announce-ip 127.0.0.1',
    `sentinel announce-port ${port}`,
    `sentinel monitor shop 127.0.0.1 ${masterPort} 2`,
    'sentinel down-after-milliseconds shop 1000',
    'sentinel failover-timeout shop 2000',
    'sentinel parallel-syncs shop 2',
    'sentinel master-reboot-down-after-period shop 5000',
  ];
}

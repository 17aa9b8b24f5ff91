/** What a node says about itself. */
import { infoField } from './info.ts';

/** Where a node stands. Offsets only compare along one history. */
export type Role = {
  /** `connected`: it follows its master; `sync`: its data are being replaced; `master`: it is one. */
  readonly state: string;
  /** The master that it follows, `host:port`. */
  readonly follows?: string;
  /** The replication id of its history, where INFO was asked. */
  readonly history?: string;
  /** Bytes of the history that it has. */
  readonly offset: number;
};

/**
 * Reads a reply to ROLE; `undefined` when the reply is malformed. A replica without a master gives no offset there: see {@link parseInfo}.
 * @see https://redis.io/docs/latest/commands/role/
 */
export function parseRole(reply: unknown): Role | undefined {
  if (!Array.isArray(reply)) return undefined;
  if (reply[0] === 'master') return { state: 'master', offset: Number(reply[1]) };
  if (reply[0] !== 'slave') return undefined;
  return { follows: `${reply[1]}:${reply[2]}`, state: String(reply[3]), offset: Number(reply[4]) };
}

/**
 * Reads a reply to INFO replication, which takes longer than ROLE and has more.
 * @see https://redis.io/docs/latest/commands/info/
 */
export function parseInfo(reply: unknown): Role | undefined {
  if (typeof reply !== 'string') return undefined;
  const field = (name: string) => infoField(reply, name);
  const history = field('master_replid');
  if (field('role') === 'master') return { state: 'master', history, offset: Number(field('master_repl_offset')) };
  if (field('role') !== 'slave') return undefined;
  const linked = field('master_link_status') === 'up' ? 'connected' : 'connect';
  return {
    follows: `${field('master_host')}:${field('master_port')}`,
    state: field('master_sync_in_progress') === '1' ? 'sync' : linked,
    history,
    offset: Number(field('slave_repl_offset')),
  };
}

/** ROLE of a master: its replication offset, and what each replica that is connected to it has confirmed. */
export type MasterRole = {
  readonly offset: number;
  readonly replicas: readonly { readonly address: string; readonly offset: number }[];
};

/** Reads a master's reply to ROLE; `undefined` when it is not a master's. @see https://redis.io/docs/latest/commands/role/ */
export function parseMasterRole(reply: unknown): MasterRole | undefined {
  if (!Array.isArray(reply) || reply[0] !== 'master') return undefined;
  const replicas = (reply[2] as string[][]).map(([host, port, offset]) => ({
    address: `${host}:${port}`,
    offset: Number(offset),
  }));
  return { offset: Number(reply[1]), replicas };
}

/**
 * The offset of a replica that has everything which the master acknowledged: the greatest one, if all replicas answer, follow the master and stand
 * in its present history. Each acknowledged write is on at least one of them, and a replica takes over the master's replication id when it has
 * everything that the master had when it became master.
 * @param replicas all nodes but the master
 * @param roles what those that answered said, by INFO
 * @param history the master's replication id, learned since it became master
 */
export function furthestOffset(
  master: string,
  replicas: readonly string[],
  roles: ReadonlyMap<string, Role>,
  history: string | undefined,
): number | undefined {
  const known = replicas.map((replica) => roles.get(replica));
  const isComparable = (role: Role | undefined) =>
    role?.follows === master && role.state !== 'sync' && role.history === history;
  if (history === undefined || known.length === 0 || !known.every(isComparable)) return undefined;
  return Math.max(...known.map((role) => role?.offset ?? 0));
}

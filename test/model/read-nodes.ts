/** What a read asks of the nodes: their roles, and data together with the role at that moment. */
import { covers, type ReadIndex } from '../../api/redis/reads/read-rules.ts';
import type { Role } from '../../api/redis/role.ts';
import { roleByInfo, roleOf } from './redis-commands.ts';
import type { Log } from './redis-log.ts';
import { gather, later, request } from './requests.ts';
import { nodeOf, replicasOf, type Service } from './services.ts';

/** What a node shows: the first `count` writes of a log. */
export type Snapshot = { readonly node: string; readonly role: Role; readonly log: Log; readonly count: number };
export type OnSnapshot = (snapshot: Snapshot | undefined) => void;

/** How long a node has to tell its role. */
export const timeoutMs = 300;
const readMs = 400;

/** ROLE of one node. */
export function askByRole(service: Service, name: string, onRole: (role: Role | undefined) => void): void {
  const node = nodeOf(service, name);
  request<Role>(service, node.process, timeoutMs, (reply) => reply(roleOf(node)), onRole);
}

/** The roles of all nodes but the master; those that do not answer are left out. */
export function askRoles(
  service: Service,
  master: string,
  ask: typeof askByRole,
  onRoles: (roles: ReadonlyMap<string, Role>) => void,
): void {
  const replicas = replicasOf(service, master);
  gather<string, Role | undefined>(
    replicas,
    (name, done) => ask(service, name, done),
    (answers) => {
      const roles = new Map<string, Role>();
      replicas.forEach((name, i) => {
        const role = answers[i];
        if (role !== undefined) roles.set(name, role);
      });
      onRoles(roles);
    },
  );
}

/** The first node that covers the index; those that are behind get a second and a third chance. */
export function tryNodes(
  service: Service,
  index: ReadIndex,
  names: readonly string[],
  onSnapshot: OnSnapshot,
  round = 0,
): void {
  const behind: string[] = [];
  const next = (i: number): void => {
    const name = names[i];
    if (name === undefined) {
      if (behind.length === 0 || round >= 2) {
        onSnapshot(undefined);
        return;
      }
      later(service, 1 + 2 * round, () => tryNodes(service, index, behind, onSnapshot, round + 1));
      return;
    }
    const onNode = (snapshot: Snapshot | undefined): void => {
      if (snapshot !== undefined && covers(snapshot.role, index, name)) {
        onSnapshot(snapshot);
        return;
      }
      if (snapshot !== undefined) behind.push(name);
      next(i + 1);
    };
    readNode(service, name, onNode, index.master === undefined ? roleByInfo : roleOf);
  };
  next(0);
}

/** Data and role of one node, whatever it has. @param role how the role is asked for */
export function readNode(
  service: Service,
  name: string,
  onSnapshot: OnSnapshot,
  role: typeof roleOf | typeof roleByInfo = roleOf,
): void {
  const node = nodeOf(service, name);
  const read = (reply: (snapshot: Snapshot) => void) =>
    reply({ node: name, role: role(node), log: node.log, count: node.log.ids.length });
  request<Snapshot>(service, node.process, readMs, read, onSnapshot);
}

/** The scripts of users. Those that sign out, delete or change a password also run while Redis is full. */
import { defineKeyedScript, defineReadScript, defineScript } from '../redis/define-script.ts';

const fileOf = (name: string) => new URL(`./lua/${name}.lua`, import.meta.url);

/** Each is explained in the head of its file. */
export const scripts = {
  create: defineKeyedScript(fileOf('create'), {
    keys: ['user', 'address', 'list', 'admins'],
    args: ['id', 'role', 'hash', '...fields'],
    replies: { created: ['id', 'hash'], taken: ['hash'] },
  }),
  firstAdmin: defineScript(fileOf('first-admin'), {
    keys: ['stream', 'user', 'address', 'list', 'admins'],
    args: ['request', 'id', '...fields'],
    replies: { created: [], 'there-is-one': [], taken: [] },
  }),
  update: defineKeyedScript(fileOf('update'), {
    keys: ['user', 'admins'],
    args: ['id', 'readVersion', 'tags', 'first', 'last', 'role', 'updated', 'nextVersion', 'sealed', 'ownSession'],
    replies: { saved: ['sealed'], 'last-admin': [], missing: [], conflict: [], stale: [] },
  }),
  remove: defineKeyedScript(fileOf('delete'), {
    keys: ['user', 'address', 'list', 'admins', 'sessions', 'known'],
    args: ['id', 'readVersion', 'tags', 'session', 'ownSession'],
    replies: { deleted: [], 'last-admin': [], ended: [], missing: [], conflict: [], stale: [] },
    whenFull: 'go-on',
  }),
  password: defineKeyedScript(fileOf('password'), {
    keys: ['user', 'sessions'],
    args: ['id', 'readVersion', 'tags', 'hash', 'verdict', 'newHash', 'session'],
    replies: { set: ['oldHash', 'newHash'], missing: [], conflict: [], stale: [], wrong: [], weak: [] },
    whenFull: 'go-on',
  }),
  login: defineScript(fileOf('login'), {
    keys: ['stream', 'user', 'sessions', 'known'],
    args: [
      'request',
      'id',
      'session',
      'hash',
      'mostSessions',
      'userAgent',
      'idleMs',
      'maxMs',
      'adminMaxMs',
      'addressHash',
      'knownMs',
      'mostKnown',
    ],
    replies: { begun: ['role'], conflict: [] },
  }),
  refresh: defineScript(fileOf('refresh'), {
    keys: ['stream', 'user', 'sessions', 'rotations', 'rotationEnds', 'revocation', 'oldRotation'],
    args: [
      'request',
      'id',
      'session',
      'tokenGeneration',
      'role',
      'sealed',
      'unansweredMs',
      'idleMs',
      'lastEndMs',
      'shopTimeMs',
      'marginMs',
      'unusedMs',
    ],
    replies: { exchanged: ['sealed'], ended: [], conflict: [] },
    whenFull: 'go-on',
  }),
  refreshAnswered: defineScript(fileOf('refresh-answered'), {
    keys: ['rotationEnds'],
    args: ['session', 'tokenGeneration', 'endMs'],
    replies: { noted: [] },
    whenFull: 'go-on',
  }),
  logout: defineScript(fileOf('logout'), {
    keys: ['stream', 'sessions', 'revocation'],
    args: ['request', 'id', 'session'],
    replies: { ended: [] },
    whenFull: 'go-on',
  }),
  endSessions: defineKeyedScript(fileOf('end-sessions'), {
    keys: ['user', 'sessions', 'callerSessions'],
    args: ['id', 'which', 'named', 'ownSession', 'tags', 'tag', 'listed'],
    replies: { ended: [], stale: [], missing: [], 'signed-out': [] },
    whenFull: 'go-on',
  }),
};

/** The scripts that read, on replicas. */
export const readScripts = {
  readForSignIn: defineReadScript(fileOf('read-for-sign-in'), {
    keys: ['address', 'user', 'known'],
    args: ['addressHash', 'noUser'],
    reply: ['lastSignInMs', '...fields'],
  }),
};

/**
 * The shop's secrets in containers:
 *
 *   secrets.ts keep         makes what is missing in /secrets/all, and hands each owner a copy of its own: /secrets/<owner>/NAME, 0400
 *   secrets.ts show         prints the first admin's address and password, and the password of Prometheus and Alertmanager
 *   secrets.ts owners       prints OWNER NAME-OF-FILE NAME-OF-SECRET, one line for each (what stack.yml has to hold)
 *   secrets.ts make NAME    prints one new value (ops/stack.sh makes Docker secrets of them); MONITORING_PASSWORD_BCRYPT: the hash of the
 *                           password on standard input
 *
 * An ADMIN_EMAIL or ADMIN_PASSWORD in /run/given is taken; all else is random and made once.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { hashSync } from 'bcryptjs';
import { serviceNames } from '../api/services.ts';

const root = '/secrets';
const given = '/run/given';

/** User ids of the images. */
const nodeUid = 1000;
const redisUid = 999;
const nginxUid = 101;
const exporterUid = 59000;
const nobodyUid = 65534;
const grafanaUid = 472;

/** The users in redis/users.acl that are no services. */
const otherRedisUsers = ['replication', 'sentinel', 'backup', 'exporter', 'operator'];
/** The users in redis/sentinel.conf that only ask. */
const sentinelUsers = [...serviceNames, 'redis', 'backup', 'health'];

type Owner = { readonly uid: number; readonly files: Readonly<Record<string, string>> };

/** Name of a service as in names of settings: `gift-cards` is `GIFT_CARDS`. */
const inCapitals = (name: string) => name.toUpperCase().replaceAll('-', '_');
const passwordOf = (user: string) => `REDIS_PASSWORD_${inCapitals(user)}`;
const sentinelPasswordOf = (user: string) => `SENTINEL_PASSWORD_${inCapitals(user)}`;
const asThemselves = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));

/** Who gets which secrets, and under which file names. Only `users` signs tokens and knows the first admin. */
function owners(): Record<string, Owner> {
  const services = serviceNames.map((service) => {
    const own = service === 'users' ? ['JWT_PRIVATE_KEY', 'REFRESH_SECRET', 'ADMIN_EMAIL', 'ADMIN_PASSWORD'] : [];
    const files = {
      REDIS_PASSWORD: passwordOf(service),
      SENTINEL_PASSWORD: sentinelPasswordOf(service),
      IDEMPOTENCY_SECRET: service === 'users' ? 'IDEMPOTENCY_SECRET_USERS' : 'IDEMPOTENCY_SECRET',
      ...asThemselves(['INTERNAL_SECRET', ...own]),
    };
    return [service, { uid: nodeUid, files }] as const;
  });
  const redisUsers = [...serviceNames, ...otherRedisUsers].map(passwordOf);
  return {
    ...Object.fromEntries(services),
    redis: { uid: redisUid, files: asThemselves([sentinelPasswordOf('redis'), ...redisUsers]) },
    sentinel: {
      uid: redisUid,
      files: asThemselves([
        'SENTINEL_PASSWORD',
        ...sentinelUsers.map(sentinelPasswordOf),
        passwordOf('sentinel'),
        passwordOf('exporter'),
      ]),
    },
    exporter: { uid: exporterUid, files: { REDIS_PASSWORD: passwordOf('exporter') } },
    // What Prometheus and Alertmanager ask of their clients. The password comes before its hash, which is made from it.
    prometheus: { uid: nobodyUid, files: asThemselves(['MONITORING_PASSWORD', 'MONITORING_PASSWORD_BCRYPT']) },
    alertmanager: { uid: nobodyUid, files: asThemselves(['MONITORING_PASSWORD_BCRYPT']) },
    status: { uid: nodeUid, files: asThemselves(['MONITORING_PASSWORD', 'STATUS_TOKEN']) },
    grafana: { uid: grafanaUid, files: asThemselves(['MONITORING_PASSWORD']) },
    backup: { uid: redisUid, files: asThemselves([sentinelPasswordOf('backup'), passwordOf('backup')]) },
  };
}

/** The hash that Prometheus and Alertmanager compare a password with (bcrypt, cost 10). */
const bcryptOf = (password: string) => hashSync(password, 10);

/** A new random value. */
function make(name: string): string {
  if (name === 'ADMIN_EMAIL') return 'admin@example.com';
  if (name !== 'JWT_PRIVATE_KEY') return randomBytes(24).toString('base64url');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })).toString('base64');
}

/** What the operator gave: lines NAME=value. An empty value counts as none. */
function readGiven(): Record<string, string> {
  if (!existsSync(given)) return {};
  const lines = readFileSync(given, 'utf8').split('\n');
  const pairs = lines.map(
    (line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).trim()] as const,
  );
  return Object.fromEntries(pairs.filter(([name, value]) => name !== '' && value !== ''));
}

/** The secret as it was made before, as the operator gives it, or new. */
function secretValue(name: string): string {
  const path = join(root, 'all', name);
  const kept = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const wanted = readGiven()[name] ?? '';
  if (kept !== '' && wanted !== '' && wanted !== kept) {
    console.log(`${name} was made before and stays: the one in .env is for the first start (change it by the API)`);
  }
  if (kept || wanted) return kept || wanted;
  return name === 'MONITORING_PASSWORD_BCRYPT' ? bcryptOf(secretValue('MONITORING_PASSWORD')) : make(name);
}

/** Writes a file beside it and renames that: a reader sees the old value or the new one, whole. */
function put(path: string, value: string, uid: number): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === value) return;
  writeFileSync(`${path}.new`, value, { mode: 0o400 });
  chownSync(`${path}.new`, uid, uid);
  renameSync(`${path}.new`, path);
}

function folder(path: string, uid: number): void {
  mkdirSync(path, { recursive: true });
  chownSync(path, uid, uid);
  chmodSync(path, 0o700);
}

function keep(): void {
  folder(join(root, 'all'), 0);
  for (const [owner, { uid, files }] of Object.entries(owners())) {
    const dir = join(root, owner);
    folder(dir, 0);
    for (const [file, name] of Object.entries(files)) {
      const value = secretValue(name);
      put(join(root, 'all', name), value, 0);
      put(join(dir, file), value, uid);
    }
    // What an earlier version handed out here and this one does not.
    for (const file of readdirSync(dir).filter((name) => !(name in files))) rmSync(join(dir, file));
    folder(dir, uid);
  }
  // Where Nginx makes its certificate if it is given none.
  if (existsSync('/tls')) chownSync('/tls', nginxUid, nginxUid);
  console.log(`secrets are in place for: ${Object.keys(owners()).join(', ')}`);
}

function show(): void {
  for (const name of ['ADMIN_EMAIL', 'ADMIN_PASSWORD', 'MONITORING_PASSWORD', 'STATUS_TOKEN'])
    console.log(`${name}=${readFileSync(join(root, 'all', name), 'utf8')}`);
}

const [command, argument] = process.argv.slice(2);
if (command === 'keep') keep();
else if (command === 'show') show();
else if (command === 'make' && argument === 'MONITORING_PASSWORD_BCRYPT')
  process.stdout.write(bcryptOf(readFileSync(0, 'utf8').trim()));
else if (command === 'make' && argument !== undefined) process.stdout.write(make(argument));
else if (command === 'owners') {
  for (const [owner, { files }] of Object.entries(owners())) {
    for (const [file, name] of Object.entries(files)) console.log(owner, file, name);
  }
} else {
  console.error('usage: secrets.ts keep | show | owners | make NAME');
  process.exit(64);
}

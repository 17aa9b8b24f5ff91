/**
 * The shop's secrets in containers:
 *
 *   secrets.ts keep         makes what is missing in /secrets/all, and writes each owner's copies: /secrets/<owner>/NAME, 0400; removes copies
 *                           of secrets that an owner no longer has
 *   secrets.ts add          the same without removing any: during an upgrade containers of the release before may start again
 *   secrets.ts show         prints the first admin's address and password, and the password of Prometheus and Alertmanager
 *   secrets.ts owners       prints OWNER NAME-OF-FILE NAME-OF-SECRET, one line for each (what stack.yml has to hold)
 *   secrets.ts make NAME    prints one new value (ops/stack.sh makes Docker secrets of them); MONITORING_PASSWORD_BCRYPT: the hash of the
 *                           password on standard input
 *
 * An ADMIN_EMAIL or ADMIN_PASSWORD in /run/given is taken; all else is random and made once.
 */
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
import { bcryptOf, makeSecret, secretOwners } from './credentials.ts';

const root = '/secrets';
const given = '/run/given';

/** User ids of the images. */
const nodeUid = 1000;
const redisUid = 999;
const nginxUid = 101;
const exporterUid = 59000;
const prometheusUid = 65534;
const grafanaUid = 472;

/** The user id of the image in which each owner runs. */
function uidOf(owner: string): number {
  const others: Record<string, number> = {
    redis: redisUid,
    sentinel: redisUid,
    backup: redisUid,
    exporter: exporterUid,
    prometheus: prometheusUid,
    alertmanager: prometheusUid,
    grafana: grafanaUid,
  };
  return others[owner] ?? nodeUid;
}

/** A new random value. */
function make(name: string): string {
  if (name === 'ADMIN_EMAIL') return 'admin@example.com';
  return makeSecret(name);
}

/** The operator's settings: lines NAME=value, taken as they are (in the format of .env a `#` would end a password). An empty value counts as none. */
function readGiven(): Record<string, string> {
  if (!existsSync(given)) return {};
  const lines = readFileSync(given, 'utf8').split('\n');
  const pairs = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).trim()]);
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

function writeSecrets({ removesOthers }: { removesOthers: boolean }): void {
  folder(join(root, 'all'), 0);
  for (const [owner, files] of Object.entries(secretOwners)) {
    const uid = uidOf(owner);
    const dir = join(root, owner);
    folder(dir, 0);
    for (const [file, name] of Object.entries(files)) {
      const value = secretValue(name);
      put(join(root, 'all', name), value, 0);
      put(join(dir, file), value, uid);
    }
    const others = removesOthers ? readdirSync(dir).filter((name) => !(name in files)) : [];
    for (const file of others) rmSync(join(dir, file));
    folder(dir, uid);
  }
  // Nginx makes its certificate here, unless there is one.
  if (existsSync('/tls')) chownSync('/tls', nginxUid, nginxUid);
  console.log(`secrets are in place for: ${Object.keys(secretOwners).join(', ')}`);
}

function show(): void {
  for (const name of ['ADMIN_EMAIL', 'ADMIN_PASSWORD', 'MONITORING_PASSWORD', 'STATUS_TOKEN'])
    console.log(`${name}=${readFileSync(join(root, 'all', name), 'utf8')}`);
}

const [command, argument] = process.argv.slice(2);
if (command === 'keep') writeSecrets({ removesOthers: true });
else if (command === 'add') writeSecrets({ removesOthers: false });
else if (command === 'show') show();
else if (command === 'make' && argument === 'MONITORING_PASSWORD_BCRYPT')
  process.stdout.write(bcryptOf(readFileSync(0, 'utf8').trim()));
else if (command === 'make' && argument !== undefined) process.stdout.write(make(argument));
else if (command === 'owners') {
  for (const [owner, files] of Object.entries(secretOwners)) {
    for (const [file, name] of Object.entries(files)) console.log(owner, file, name);
  }
} else {
  console.error('usage: secrets.ts keep | add | show | owners | make NAME');
  process.exit(64);
}

/** Faults that must raise an alert, and a shop in which one of them happens: which mails go out, how soon, and how often. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { subjectOf } from '../../monitoring/mailbox/mail.ts';
import { backupDir } from '../../ops/local/backups.ts';
import { mailDir } from '../../ops/local/monitoring.ts';
import { type Shop, startShop } from '../../ops/local/shop.ts';
import { temporarySettings } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';
import { startTraffic } from './traffic.ts';

/** A fault: how it is made and ended, and the one alert that must report it. */
export type Fault = {
  readonly name: string;
  readonly alert: string;
  /** Makes it; with `before`, something that is wrong from the start. */
  readonly before?: (dir: string) => void;
  readonly make: (shop: Shop, master: string) => unknown;
  readonly end?: (shop: Shop, master: string) => unknown;
};

/** A mail in the shop's mailbox. */
export type Mail = { readonly subject: string; readonly text: string; readonly atMs: number };

const others = (master: string) => ['redis-1', 'redis-2', 'redis-3'].filter((name) => name !== master);
const halt =
  (...names: string[]) =>
  (shop: Shop) =>
    Promise.all(names.map((name) => shop.halt(name)));
const revive =
  (...names: string[]) =>
  (shop: Shop) =>
    names.map((name) => shop.revive(name));
const haltAndRevive = (...names: string[]) => ({ make: halt(...names), end: revive(...names) });

/** All of them. `halt` is SIGKILL without being started again, `pause` SIGSTOP, `kill` SIGKILL and started again by the supervisor. */
export const faults: readonly Fault[] = [
  { name: 'one replica of users dead', alert: 'ApiInstanceDown', ...haltAndRevive('users-1') },
  {
    name: 'one replica of products frozen',
    alert: 'ApiInstanceDown',
    make: (shop) => shop.pause('products-1'),
    end: (shop) => shop.resume('products-1'),
  },
  { name: 'all replicas of users dead', alert: 'ApiServiceDown', ...haltAndRevive('users-1', 'users-2') },
  { name: 'all replicas of products dead', alert: 'ApiServiceDown', ...haltAndRevive('products-1', 'products-2') },
  {
    name: 'Redis master dead',
    alert: 'RedisInstanceDown',
    make: (shop, master) => shop.halt(master),
    end: (shop, master) => shop.revive(master),
  },
  {
    name: 'Redis master killed, back at once',
    alert: 'RedisFailoverHappened',
    make: (shop, master) => shop.kill(master),
  },
  {
    name: 'one Redis replica dead',
    alert: 'RedisInstanceDown',
    make: (shop, master) => shop.halt(others(master)[0] ?? ''),
    end: (shop, master) => shop.revive(others(master)[0] ?? ''),
  },
  { name: 'all Redis nodes dead', alert: 'RedisNoMaster', ...haltAndRevive('redis-1', 'redis-2', 'redis-3') },
  { name: 'one Sentinel dead', alert: 'SentinelDown', ...haltAndRevive('sentinel-1') },
  { name: 'two Sentinels dead', alert: 'SentinelQuorumLost', ...haltAndRevive('sentinel-1', 'sentinel-2') },
  { name: 'one Nginx dead', alert: 'NginxInstanceDown', ...haltAndRevive('nginx-1') },
  { name: 'both Nginx dead', alert: 'NginxDown', ...haltAndRevive('nginx-1', 'nginx-2') },
  {
    name: 'certificate with 5 days left',
    alert: 'CertExpiresSoon',
    before: makeShortCertificate,
    make: () => undefined,
  },
  {
    name: 'last backup 4 hours ago',
    alert: 'BackupTooOld',
    make: (shop) => writeBackupTime(shop.settings.dir, 4),
    end: (shop) => writeBackupTime(shop.settings.dir, 0),
  },
];

/** The mails about a fault. */
export type MailsOfFault = {
  /** From the fault to the mail. */
  readonly seconds: number;
  /** Subjects of all mails about something that fires. One is right. */
  readonly subjects: readonly string[];
  /** From its end to the mail that it is resolved; undefined where it does not end. */
  readonly overSeconds: number | undefined;
  readonly mail: Mail;
};

/**
 * Starts a shop under light traffic, makes the fault, and collects the mails.
 * @param quietMs how long to go on watching after the first mail for a second one
 */
export async function collectMails(fault: Fault, quietMs: number): Promise<MailsOfFault> {
  const { settings, remove } = await temporarySettings({ monitoring: true });
  const mails = () => readMails(settings.dir);
  let shop: Shop | undefined;
  let traffic: { stop(): Promise<void> } | undefined;
  try {
    fault.before?.(settings.dir);
    let madeAtMs = Date.now();
    shop = await startShop(settings);
    await shop.waitUntilHealthy();
    const admin = { email: settings.adminEmail, password: settings.secrets.ADMIN_PASSWORD ?? '' };
    traffic = await startTraffic(shop.httpUrl, admin, 250);
    if (fault.before === undefined) await delay(15_000); // three scrapes in which all is well
    const master = (await shop.status()).find(({ role }) => role === 'master')?.name ?? '';
    if (fault.before === undefined) madeAtMs = Date.now();
    await fault.make(shop, master);
    const mail = await waitFor(`a mail about ${fault.name}`, async () => (await mails())[0], 200_000, 100);
    await delay(quietMs);
    let overSeconds: number | undefined;
    if (fault.end !== undefined) {
      const endedAtMs = Date.now();
      await fault.end(shop, master);
      const over = await waitFor(
        `the mail that ${fault.name} is resolved`,
        async () => (await mails()).find(({ subject }) => subject.startsWith('[RESOLVED]')),
        200_000,
        100,
      );
      overSeconds = (over.atMs - endedAtMs) / 1000;
    }
    // Also those that came after its end: parts that come back one by one must not each have a mail.
    const subjects = (await mails()).flatMap(({ subject }) => (subject.startsWith('[RESOLVED]') ? [] : [subject]));
    return { seconds: (mail.atMs - madeAtMs) / 1000, subjects, overSeconds, mail };
  } finally {
    await traffic?.stop();
    await shop?.killAll();
    await remove();
  }
}

/** All mails of a shop, the oldest first. */
export function readMails(dir: string): Promise<Mail[]> {
  const folder = mailDir(dir);
  const names = readdirSync(folder).filter((name) => name.endsWith('.eml'));
  const read = names.sort().map(async (name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return { subject: await subjectOf(text), text, atMs: statSync(join(folder, name)).mtimeMs };
  });
  return Promise.all(read);
}

function makeShortCertificate(dir: string): void {
  mkdirSync(join(dir, 'tls'), { recursive: true });
  const files = ['-keyout', join(dir, 'tls', 'key.pem'), '-out', join(dir, 'tls', 'cert.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...key, ...files, '-days', '5', '-subj', '/CN=localhost'], {
    stdio: 'ignore',
  });
}

/** What an hourly schedule reports that made its last backup `hoursAgo`. */
function writeBackupTime(dir: string, hoursAgo: number): void {
  const seconds = Math.round(Date.now() / 1000 - 3600 * hoursAgo);
  writeFileSync(
    join(backupDir(dir), 'metrics', 'backup.prom'),
    `shop_backup_interval_seconds 3600
shop_backup_schedule_started_timestamp_seconds ${seconds - 3600}
shop_backup_last_success_timestamp_seconds ${seconds}
`,
  );
}

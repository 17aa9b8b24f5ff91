/**
 * Stops one container of a Compose shop after another (`docker stop`), and prints which mails came and how soon: the table of ops/README.md.
 *
 *   node --import tsx test/containers/mails.ts [WORD ...]     only the faults with one of the words in their name
 *
 * Takes 2 to 3 minutes for each fault. Exits with 1 if the mail was missing, late, not about this fault, or not the only one, or if the mail
 * that it is resolved did not come.
 */
import { loadavg } from 'node:os';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { subjectOf } from '../../monitoring/mailbox/mail.ts';
import { waitFor } from '../support/wait.ts';
import { type ComposeShop, composeShop } from './compose.ts';
import { type Load, startLoad } from './load.ts';

type Fault = {
  readonly name: string;
  /** Services of which all containers are stopped, or the first one alone. */
  readonly services: readonly string[] | 'master' | 'replica';
  readonly onlyFirst?: boolean;
  readonly subject: string;
  /** Seconds from the stop to the mail: what monitoring/README.md promises. */
  readonly withinS: number;
};
type Mail = { readonly subject: string; readonly atMs: number };

const wholeS = 30;
const partS = 40;
/** An exporter: nothing that clients use is down. 45 s as in MonitoringTargetDown, after at most 15 s until it is missed. */
const exporterS = 75;
const overS = 90;
/** A second mail about the same fault, by a symptom, would be there by then. */
const stoppedForMs = 80_000;

const blind = (jobs: string) => `[WARNING] Prometheus cannot scrape ${jobs}`;
const faults: readonly Fault[] = [
  { name: 'Nginx', services: ['nginx'], subject: '[CRITICAL] Nginx is down', withinS: wholeS },
  ...['users', 'products', 'purchases'].map((service) => ({
    name: `one replica of ${service}`,
    services: [service],
    onlyFirst: true,
    subject: `[WARNING] ${service}: fewer than two replicas run`,
    withinS: partS,
  })),
  { name: 'all replicas of products', services: ['products'], subject: '[CRITICAL] products is down', withinS: wholeS },
  { name: 'a Redis replica', services: 'replica', subject: '[WARNING] Redis redis-', withinS: partS },
  { name: 'the Redis master', services: 'master', subject: '[WARNING] Redis redis-', withinS: partS },
  { name: 'a Sentinel', services: ['sentinel-2'], subject: '[WARNING] Sentinel sentinel-2', withinS: partS },
  { name: 'redis-exporter', services: ['redis-exporter'], subject: blind('redis'), withinS: exporterS },
  { name: 'nginx-exporter', services: ['nginx-exporter'], subject: blind('nginx-exporter'), withinS: exporterS },
  { name: 'node-exporter', services: ['node-exporter'], subject: blind('node'), withinS: exporterS },
];

async function containersOf(shop: ComposeShop, { services, onlyFirst }: Fault): Promise<string[]> {
  const master = await shop.master();
  const replica = ['redis-1', 'redis-2', 'redis-3'].find((name) => name !== master) ?? '';
  const names = services === 'master' ? [master] : services === 'replica' ? [replica] : services;
  const all = (await Promise.all(names.map((name) => shop.containers(name)))).flat();
  return onlyFirst === true ? all.slice(0, 1) : all;
}

/** The mails that came since `sinceMs`, the oldest first. A file's name begins with its time: see monitoring/mailbox/mail.ts. */
async function mailsSince(shop: ComposeShop, sinceMs: number): Promise<Mail[]> {
  const names = (await shop.inside('mailbox', 'ls /tmp/mail')).split('\n').filter((name) => name.endsWith('.eml'));
  const timeOf = (name: string) =>
    Date.parse(name.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z.*/, '$1-$2-$3T$4:$5:$6.$7Z'));
  const recent = names.filter((name) => timeOf(name) > sinceMs).sort();
  return Promise.all(
    recent.map(async (name) => ({
      subject: await subjectOf(await shop.inside('mailbox', `cat '/tmp/mail/${name}'`)),
      atMs: timeOf(name),
    })),
  );
}

/** Makes the fault, ends it, and says what came of both: a row of the table, and whether all was as promised. */
async function rowOf(shop: ComposeShop, fault: Fault): Promise<{ row: string; isRight: boolean }> {
  const containers = await containersOf(shop, fault);
  const stoppedAtMs = Date.now();
  await shop.docker('stop', '--time', '2', ...containers);
  const first = await waitFor(
    `a mail about ${fault.name}`,
    async () => (await mailsSince(shop, stoppedAtMs))[0],
    180_000,
    1000,
  );
  await delay(stoppedAtMs + stoppedForMs - Date.now());
  const startedAtMs = Date.now();
  await shop.docker('start', ...containers);
  const over = await waitFor(
    `the mail that ${fault.name} is resolved`,
    async () => (await mailsSince(shop, startedAtMs)).find(({ subject }) => subject.startsWith('[RESOLVED]')),
    180_000,
    1000,
  );
  const all = await mailsSince(shop, stoppedAtMs);
  const firing = all.filter(({ subject }) => !subject.startsWith('[RESOLVED]'));
  const mailS = (first.atMs - stoppedAtMs) / 1000;
  const endS = (over.atMs - startedAtMs) / 1000;
  const isRight =
    firing.length === 1 && first.subject.startsWith(fault.subject) && mailS <= fault.withinS && endS <= overS;
  const subjects = firing.map(({ subject }) => subject).join('; ');
  const timeline = all.map(({ subject, atMs }) => `${((atMs - stoppedAtMs) / 1000).toFixed(0)} s ${subject}`);
  const cells = [
    fault.name,
    subjects,
    `${mailS.toFixed(0)} s`,
    firing.length,
    `${endS.toFixed(0)} s`,
    loadavg()[0]?.toFixed(0),
  ];
  const row = `| ${cells.join(' | ')} |`;
  return { row: isRight ? row : `${row}\nNot as promised (${fault.withinS} s): ${timeline.join('; ')}`, isRight };
}

const words = process.argv.slice(2);
const chosen = faults.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const shop = await composeShop(`shop-mails-${process.pid}`, {
  COMPOSE_FILE: 'docker-compose.yml:test/containers/mailbox.yml',
  SMTP_URL: 'smtp://mailbox:1025',
});
let load: Load | undefined;
try {
  await shop.compose('up', '-d', '--wait', '--build', '--quiet-pull');
  load = await startLoad([shop.url], { email: 'admin@example.com', password: await shop.adminPassword() }, 4);
  // The first requests of new processes are slow, which is a fault of its own to the alerts about latency.
  const isCalm = async () => (await shop.query('ALERTS{severity!="none"} or prometheus:starting:info')).length === 0;
  await delay(45_000); // Prometheus has seen the whole shop at work
  await waitFor('no alert to be pending', isCalm, 400_000, 5000);
  console.log('| stopped | mail | after | mails | resolved after | load |\n|---|---|---|---|---|---|');
  for (const fault of chosen) {
    const { row, isRight } = await rowOf(shop, fault).catch((error: Error) => ({
      row: `| ${fault.name} | ${error.message} | | | | |`,
      isRight: false,
    }));
    if (!isRight) process.exitCode = 1;
    console.log(row);
    await shop.compose('up', '-d', '--wait');
  }
} finally {
  await load?.stop();
  await shop.compose('down', '-v', '--remove-orphans', '--timeout', '2');
}

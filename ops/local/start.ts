// `npm start`: checks what the shop needs, starts it, prints its events, and stops it on request.
import { kernelWarnings } from '../kernel-settings.ts';
import { askControl, serveControl } from './control.ts';
import { mailDir } from './monitoring.ts';
import { findTakenPorts } from './ports.ts';
import { installMissing, packages } from './programs.ts';
import type { Settings } from './settings.ts';
import { createShop, type ShopEvent } from './shop.ts';
import { portsFrom } from './spec.ts';
import { shownPath, tableOf } from './table.ts';

const say = (text: string) => console.log(`${new Date().toTimeString().slice(0, 8)}  ${text}`);

/** Runs a shop until it gets a signal or a stop command. @returns the exit code */
export async function runShop(given: Settings): Promise<number> {
  let settings = given;
  if ((await askControl(settings.dir, 'GET', '/status')) !== undefined) {
    console.error('This shop already runs: see npm run shop -- status, or end it with npm run shop -- stop.');
    return 1;
  }
  const { projectDir } = settings;
  const path = settings.inherited.PATH ?? '';
  if (!installMissing(projectDir, path, packages.shop)) return 1;
  if (settings.monitoring && !installMissing(projectDir, path, packages.monitoring)) {
    console.error(
      'The shop starts without monitoring: no alerts, no graphs. If that is what you want, set MONITORING=false.',
    );
    settings = { ...settings, monitoring: false };
  }
  const taken = await findTakenPorts(settings);
  if (taken.length > 0) {
    console.error(taken.join('\n'));
    return 1;
  }

  for (const warning of kernelWarnings()) say(`WARNING: ${warning}`);
  const shop = createShop(settings, { onEvent: (event) => say(describeEvent(event)) });
  let ending: Promise<void> | undefined;
  let onStop = () => {};
  const ended = new Promise<void>((done) => {
    const end = (why: string) => {
      if (ending === undefined) {
        say(`${why}: stopping in order, the data is kept (a second Ctrl-C kills all at once)`);
        ending = shop.stop().then(done);
      } else {
        say('killing the processes that still run');
        ending = shop.killAll().then(done);
      }
    };
    // A terminal that closes takes its output with it; the shop still stops in order.
    process.stdout.on('error', () => {});
    process.stderr.on('error', () => {});
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(signal));
    onStop = () => end('npm run shop -- stop');
  });

  const control = await serveControl(shop, () => onStop());
  const close = () => control.close();
  say(`starting ${shop.names().length} processes; data and logs in ${shownPath(settings.dir)}/`);
  const began = Date.now();
  try {
    await shop.start();
  } catch (error) {
    if (ending === undefined) {
      await shop.killAll();
      close();
      console.error(error instanceof Error ? error.message : error);
      return 1;
    }
  }
  if (ending === undefined) await printWelcome();
  await ended;
  close();
  say('stopped');
  return 0;

  async function printWelcome() {
    console.log(`\n${tableOf(await shop.status()).join('\n')}\n`);
    console.log(`Ready after ${((Date.now() - began) / 1000).toFixed(1)} s:  ${shop.httpUrl}  ${shop.httpsUrl}`);
    console.log(`The admin is ${settings.adminEmail}, with the password ADMIN_PASSWORD in .env`);
    if (settings.monitoring) {
      console.log(
        `Status page: ${shop.httpUrl}/status (sign in as the admin)   Prometheus: http://127.0.0.1:${portsFrom(settings.portBase).prometheus} (user monitoring, MONITORING_PASSWORD in .env)`,
      );
      if (settings.alerting.SMTP_URL === undefined) console.log(`Alert mails: ${shownPath(mailDir(settings.dir))}/`);
    }
    console.log('Other terminal: npm run demo | npm run shop -- status | kill NAME | help.   Ctrl-C stops the shop.');
    console.log(`Try every call in the browser: ${shop.httpUrl}/docs\n`);
  }
}

function describeEvent(event: ShopEvent): string {
  switch (event.what) {
    case 'died':
      return `${event.name} died (${event.how}): starting it again in ${event.retryMs / 1000} s`;
    case 'ready':
      return `${event.name} is up (after ${(event.afterMs / 1000).toFixed(1)} s)`;
    case 'waiting':
      return `still waiting for:\n${event.names.map((name, index) => `            ${name}  ${event.lastLines[index]}`).join('\n')}`;
    case 'frozen':
      return `${event.name} does not answer its health check: killing it and starting it again`;
    case 'stopping':
      return `stopping ${event.names.join(', ')}`;
  }
}

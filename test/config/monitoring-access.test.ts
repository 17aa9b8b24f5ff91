/** Prometheus and Alertmanager as they are started: who is answered, and what a page of another origin in the operator's browser can do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authorizationOf, firingAlerts, openPrometheus } from '../../monitoring/status/prometheus.ts';
import { writeTargets } from '../../ops/local/monitoring.ts';
import { readSettings } from '../../ops/local/settings.ts';
import { portsFrom } from '../../ops/local/spec.ts';
import { topology } from '../../ops/local/topology.ts';
import { hasProgram } from '../support/programs.ts';
import { reservePorts } from '../support/reserve-ports.ts';
import { makeSecrets } from '../support/secrets.ts';
import { waitFor } from '../support/wait.ts';

describe.skipIf(!hasProgram('prometheus') || !hasProgram('prometheus-alertmanager'))(
  'the watchers of npm start',
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'watchers-'));
    const children: ChildProcess[] = [];
    let release: () => Promise<void>;
    let password: string;
    let prometheus: string;
    let alertmanager: string;

    beforeAll(async () => {
      const reserved = await reservePorts();
      release = reserved.release;
      const ports = portsFrom(reserved.portBase);
      [prometheus, alertmanager] = [`127.0.0.1:${ports.prometheus}`, `127.0.0.1:${ports.alertmanager}`];
      const read = readSettings(
        { ...makeSecrets(), SHOP_DIR: dir, PATH: process.env.PATH, PORT_BASE: String(reserved.portBase) },
        process.cwd(),
      );
      if (read.kind === 'faulty') throw new Error(read.faults.join('\n'));
      const { settings } = read;
      password = settings.secrets.MONITORING_PASSWORD ?? '';
      for (const { name, command, env } of topology(settings)) {
        if (name !== 'prometheus' && name !== 'alertmanager') continue;
        const [program = '', ...words] = command;
        children.push(
          spawn(program, words, { env: { ...settings.inherited, ...env, SCRAPE_INTERVAL: '1s' }, stdio: 'ignore' }),
        );
      }
      const isReady = async (address: string) =>
        (await fetch(`http://${address}/-/ready`, { headers: authorizationOf(password) })).ok;
      for (const address of [prometheus, alertmanager])
        await waitFor(`${address} to be ready`, () => isReady(address), 40_000);
    }, 60_000);
    afterAll(async () => {
      await Promise.all(
        children.map((child) => {
          const ended = new Promise((done) => child.once('exit', done));
          child.kill('SIGKILL');
          return ended;
        }),
      );
      rmSync(dir, { recursive: true, force: true });
      await release?.();
    });

    test('refuse every request without the password, also for their health', async () => {
      for (const url of [
        `http://${prometheus}/api/v1/query?query=up`,
        `http://${prometheus}/metrics`,
        `http://${prometheus}/-/ready`,
        `http://${alertmanager}/api/v2/alerts`,
        `http://${alertmanager}/metrics`,
      ]) {
        expect.soft((await fetch(url)).status, url).toBe(401);
        expect.soft((await fetch(url, { headers: authorizationOf('a wrong password') })).status, url).toBe(401);
      }
    });

    test('let no alert be silenced without it', async () => {
      const silence = {
        matchers: [{ name: 'alertname', value: '.+', isRegex: true }],
        startsAt: new Date().toISOString(),
        endsAt: new Date(Date.now() + 3_600_000).toISOString(),
        createdBy: 'a page',
        comment: 'quiet',
      };
      const post = (headers: Record<string, string>) =>
        fetch(`http://${alertmanager}/api/v2/silences`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', origin: 'https://evil.example', ...headers },
          body: JSON.stringify(silence),
        });
      expect((await post({})).status).toBe(401);
      expect((await post(authorizationOf(password))).status).toBe(200);
    });

    test('tell a page of another origin nothing, although the browser knows the password', async () => {
      const headers = { ...authorizationOf(password), origin: 'https://evil.example' };
      const answer = await fetch(`http://${prometheus}/api/v1/query?query=up`, { headers });
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      // Alertmanager allows every origin, which browsers take for none where a request carries a password (Fetch, CORS protocol).
      const alerts = await fetch(`http://${alertmanager}/api/v2/alerts`, { headers });
      expect(alerts.headers.get('access-control-allow-credentials')).toBeNull();
    });

    test('are asked with it, by each other and by the status page', async () => {
      const asked = openPrometheus(prometheus, password);
      await waitFor(
        'Prometheus to scrape both',
        async () => (await asked.instant('up{job=~"prometheus|alertmanager"} == 1')).length === 2,
        30_000,
        250,
      );
      await waitFor(
        'an alert to arrive at Alertmanager',
        async () => {
          const answer = await fetch(`http://${alertmanager}/api/v2/alerts`, { headers: authorizationOf(password) });
          return ((await answer.json()) as unknown[]).length > 0;
        },
        30_000,
        250,
      );
      expect(await firingAlerts(alertmanager, password)).toBeInstanceOf(Array);
    });
  },
);

describe.skipIf(!hasProgram('prometheus-redis-exporter'))('the Redis exporter of npm start', () => {
  /** Answers whatever comes, and keeps it. */
  async function listen(port: number) {
    let heard = '';
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        heard += data;
        socket.write('+OK\r\n');
      });
    });
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return { heard: () => heard, port: (server.address() as AddressInfo).port, close: () => server.close() };
  }

  test('sends its password to the nodes of this shop, and to no target that a caller names', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'exporter-'));
    const { portBase, release } = await reservePorts();
    const given = { ...makeSecrets(), SHOP_DIR: dir, PATH: process.env.PATH, PORT_BASE: String(portBase) };
    const read = readSettings(given, process.cwd());
    if (read.kind === 'faulty') throw new Error(read.faults.join('\n'));
    const specs = topology(read.settings);
    writeTargets(read.settings, specs);
    const portOf = (name: string) => specs.find((spec) => spec.name === name)?.port ?? 0;
    const [program = '', ...words] = specs.find(({ name }) => name === 'redis-exporter')?.command ?? [];
    const env = specs.find(({ name }) => name === 'redis-exporter')?.env;
    const node = await listen(portOf('redis-1'));
    const sentinel = await listen(portOf('sentinel-1'));
    const stranger = await listen(0);
    const child = spawn(program, words, { env: { ...read.settings.inherited, ...env }, stdio: 'ignore' });
    try {
      const scrape = (port: number) =>
        fetch(`http://127.0.0.1:${portOf('redis-exporter')}/scrape?target=redis://127.0.0.1:${port}`);
      await waitFor('the exporter', async () => (await scrape(node.port)).ok, 20_000);
      await scrape(sentinel.port);
      await scrape(stranger.port);
      const password = read.settings.secrets.REDIS_PASSWORD_EXPORTER ?? '';
      expect(node.heard()).toContain(password);
      expect(sentinel.heard()).toContain(password);
      expect(stranger.heard()).toContain('redis_exporter');
      expect(stranger.heard()).not.toMatch(/AUTH/i);
    } finally {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      for (const each of [node, sentinel, stranger]) each.close();
      rmSync(dir, { recursive: true, force: true });
      await release();
    }
  }, 30_000);
});

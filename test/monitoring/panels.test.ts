/** Every panel of every dashboard has numbers from a real shop under traffic; and the status page shows them to the admin alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linesOf, panelsOf, readDashboards } from '../../monitoring/status/dashboards.ts';
import { openPrometheus, type Prometheus } from '../../monitoring/status/prometheus.ts';
import { type Shop, startShop } from '../../ops/local/shop.ts';
import { portsFrom } from '../../ops/local/spec.ts';
import { type ShopClient, shopClient, signIn, signInAdmin, signUp } from '../support/client.ts';
import { hasProgram } from '../support/programs.ts';
import { temporarySettings } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';
import { readMails } from './faults.ts';
import { startTraffic } from './traffic.ts';

const panels = readDashboards().flatMap((dashboard) =>
  panelsOf(dashboard).map((panel) => ({ name: `${dashboard.uid}: ${panel.title}`, panel })),
);

describe.skipIf(!hasProgram('prometheus'))('a shop under traffic', () => {
  let shop: Shop;
  let remove: () => Promise<void>;
  let traffic: { stop(): Promise<void> };
  let prometheus: Prometheus;
  let client: ShopClient;
  let admin: { email: string; password: string };
  const mails = () => readMails(shop.settings.dir);

  beforeAll(async () => {
    const temporary = await temporarySettings({
      monitoring: true,
      backups: {},
      alerting: { GROUP_WAIT: '1s', GROUP_INTERVAL: '5s' }, // shipped are 5 s and 30 s: the long proof takes those
    });
    remove = temporary.remove;
    const { settings } = temporary;
    shop = await startShop(settings);
    await shop.waitUntilHealthy();
    prometheus = openPrometheus(
      `127.0.0.1:${portsFrom(settings.portBase).prometheus}`,
      settings.secrets.MONITORING_PASSWORD,
    );
    client = shopClient(shop.httpUrl);
    admin = { email: settings.adminEmail, password: settings.secrets.ADMIN_PASSWORD ?? '' };
    traffic = await startTraffic(shop.httpUrl, admin);
  });

  afterAll(async () => {
    await traffic?.stop();
    await shop?.killAll();
    await remove?.();
  });

  test('has something to show in every panel', async () => {
    const empty = new Set(panels);
    await waitFor(
      'every panel to have data',
      async () => {
        for (const each of empty) {
          const lines = await linesOf(prometheus, each.panel, 15);
          if (lines.some(({ points }) => points.some(([, value]) => Number.isFinite(value)))) empty.delete(each);
        }
        return empty.size === 0;
      },
      150_000,
      1000,
    ).catch((error) => {
      throw new Error(`empty: ${[...empty].map(({ name }) => name).join(', ')}`, { cause: error });
    });
  });

  test('fires no alert but the watchdog, and scrapes everything', async () => {
    const starting = () => prometheus.instant('ALERTS{alertstate="firing", alertname="Starting"}');
    await waitFor('the start to be over', async () => (await starting()).length === 0, 150_000, 250);
    expect(await prometheus.instant('ALERTS{alertstate="firing", alertname!="Watchdog"}')).toEqual([]);
    expect(await prometheus.instant('up == 0')).toEqual([]);
  });

  // The mail that it is resolved follows a minute later: the tests between make use of that time.
  test('tells of a dead service by one mail', async () => {
    await Promise.all(['users-1', 'users-2'].map((name) => shop.halt(name)));
    const first = await waitFor('a mail', async () => (await mails())[0], 90_000, 250);
    expect(first.subject).toBe('[CRITICAL] users is down: no replica answers');
    expect(first.text).toMatch(/^ {2}To do: +Look at the last lines of its log/m);
    expect(first.text).toContain('Content-Type: text/html');
    for (const name of ['users-1', 'users-2']) shop.revive(name);
    await shop.waitUntilHealthy();
  });

  test('scrapes a replica that was added, and no longer one that was taken away', async () => {
    const known = async (count: number) =>
      (await prometheus.instant('count(up{job="api", service="users"} == 1)'))[0]?.points[0]?.[1] === count;
    await shop.scale('users', 3);
    await waitFor('the third replica to be scraped', () => known(3), 45_000, 250);
    await shop.scale('users', 2);
    await waitFor('two to be left', () => known(2), 45_000, 250);
    await waitFor('nothing to be missed', async () => (await prometheus.instant('up == 0')).length === 0, 45_000, 250);
  });

  test('shows the page and the runbooks to every client, and numbers to the admin alone', async () => {
    const html = await client('GET', '/status');
    expect(html.status).toBe(200);
    expect(html.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; ?script-src 'self'; ?style-src 'self'/,
    );
    expect((await client('GET', '/status/runbooks/NginxDown')).body).toContain('<h2 id="meaning">Meaning</h2>');
    for (const path of ['/status/runbooks/None', '/status/runbooks/..%2fREADME', '/status/assets/main.ts']) {
      expect((await client('GET', path)).status).toBe(404);
    }
    expect((await client('GET', '/status/data/now')).status).toBe(401);
    expect((await client('GET', '/status/data/now', { token: 'made.up.token' })).status).toBe(401);
    const { token } = await signUp(client);
    expect(await client('GET', '/status/data/now', { token })).toMatchObject({ status: 403 });
    const adminToken = await signInAdmin(client, admin.email, admin.password);
    const now = await client('GET', '/status/data/now', { token: adminToken });
    expect(now.status).toBe(200);
    const redis = now.body.groups.find(({ kind }: { kind: string }) => kind === 'redis').nodes;
    expect(redis.filter(({ role }: { role: string }) => role === 'master')).toHaveLength(1);
    const overview = await client('GET', '/status/data/dashboards/overview?minutes=15', { token: adminToken });
    expect(overview.body.panels.length).toBeGreaterThan(8);
    expect((await client('POST', '/status/data/now', { token: adminToken })).status).toBe(405);
  });

  test('shows them no longer than a second after the admin has signed out', async () => {
    const { token, refreshToken } = await signIn(client, admin.email, admin.password);
    expect((await client('GET', '/status/data/now', { token })).status).toBe(200);
    expect((await client('POST', '/users/logout', { body: { refreshToken } })).status).toBe(204);
    const show = async () => (await client('GET', '/status/data/now', { token })).status;
    // A second, and time for a busy machine to be asked.
    await waitFor('the numbers to be refused', async () => (await show()) === 401, 1500);
  });

  test('sends the same headers with the page as a service does with its answers', async () => {
    const names = async (path: string) =>
      [...(await client('GET', path)).headers.keys()].filter((name) =>
        /^(x-|cross-|origin-|referrer|content-sec)/.test(name),
      );
    expect(await names('/status')).toEqual(expect.arrayContaining(await names('/products')));
  });

  test('says by another mail that it is resolved', async () => {
    await waitFor('the mail that it is resolved', async () => (await mails()).length > 1, 120_000, 250);
    expect((await mails()).map(({ subject }) => subject)).toEqual([
      '[CRITICAL] users is down: no replica answers',
      '[RESOLVED] users is down: no replica answers',
    ]);
  });
});

/**
 * The Compose shop on a real engine: made from nothing, tried from inside and outside, broken, brought back. Left out, and said so, where no
 * engine answers.
 */
import { isDeepStrictEqual as isEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { type ComposeShop, composeShop, hasEngine } from './compose.ts';
import { openedByPasswordsOfProducts, reachedFrom, secretValues } from './isolation.ts';
import { type Load, type Seen, startLoad } from './load.ts';

const engine = hasEngine();
if (!engine) console.warn('LEFT OUT: the tests of containers, because no Docker engine with Compose answers here');

const services = ['users', 'products', 'purchases'];
const redis = ['redis-1', 'redis-2', 'redis-3'];
const sentinels = ['sentinel-1', 'sentinel-2', 'sentinel-3'];

describe.skipIf(!engine)('The shop in containers', { timeout: 120_000 }, () => {
  let shop: ComposeShop;
  let password = '';
  let running: Load | undefined;
  const load = async () => {
    running = await startLoad([shop.url], { email: 'admin@example.com', password }, 20);
    return running;
  };
  // A test that failed half-way leaves no load behind for the next.
  afterEach(async () => {
    await running?.stop();
    running = undefined;
  });

  beforeAll(async () => {
    shop = await composeShop(`shop-test-${process.pid}`);
    await shop.compose('up', '-d', '--wait', '--build', '--quiet-pull');
    password = await shop.adminPassword();
  }, 240_000);

  afterAll(async () => {
    await shop.compose('down', '-v', '--remove-orphans', '--timeout', '2');
  }, 120_000);

  test('is up with one command on a fresh clone, with a random password of its own', async () => {
    expect(await (await fetch(`${shop.url}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(password.length).toBeGreaterThan(20);
  });

  test('is watched: Prometheus reaches every part, and counts what clients ask Nginx for', async () => {
    const prometheus = (await shop.compose('port', 'prometheus', '9090')).trim();
    expect((await fetch(`http://${prometheus}/api/v1/query?query=up`)).status).toBe(401);
    const ask = async (query: string) =>
      Object.fromEntries((await shop.query(query)).map(({ labels, points }) => [labels.job ?? '', points[0]?.[1]]));
    const expected = {
      ...{ api: 6, redis: 3, sentinel: 3, 'redis-exporter': 1, nginx: 1, 'nginx-exporter': 1, node: 1 },
      ...{ prometheus: 1, alertmanager: 1 },
    };
    await waitFor('all to be scraped', async () => isEqual(await ask('sum by (job) (up)'), expected), 30_000, 500);
    const alive = { redis: 3, sentinel: 3, nginx: 1 };
    expect(await ask('sum by (job) (redis_up or nginx_up)')).toEqual(alive);
    for (let i = 0; i < 10; i++) await fetch(`${shop.url}/products`);
    const counted = async () => (await ask('sum(nginx_client_requests_total{route="/products"})'))[''] ?? 0;
    await waitFor('the requests to be counted', async () => (await counted()) >= 10, 20_000, 500);
    expect((await fetch(`${shop.url}/status`)).status).toBe(200);
  });

  test('has no secret in an image, an environment, a label or a log', async () => {
    const secrets = await secretValues(shop);
    expect(secrets.length).toBeGreaterThan(10);
    const ids = (await shop.compose('ps', '-aq')).split('\n').filter((id) => id !== '');
    const named = (await shop.compose('config', '--images')).split('\n');
    const images = [...new Set(named.filter((image) => image.includes('evergreen')))];
    const inspected = await shop.docker('inspect', ...ids, ...images);
    const logs = await shop.compose('logs', '--no-color');
    const histories = await Promise.all(images.map((image) => shop.docker('history', '--no-trunc', image)));
    const seen = [inspected, logs, ...histories].join('\n');
    expect(secrets.filter((secret) => seen.includes(secret))).toEqual([]);
  });

  test('runs without root, without a writable root folder, without capabilities', async () => {
    for (const service of ['nginx', ...services, ...redis, ...sentinels, 'backup']) {
      const [id = ''] = await shop.containers(service);
      const [container] = JSON.parse(await shop.docker('inspect', id));
      const { HostConfig: host, Config: config } = container;
      expect.soft(host, service).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'], Init: true });
      expect.soft(host.CapAdd, service).toBeNull();
      expect.soft(host.SecurityOpt, service).toContain('no-new-privileges:true');
      expect.soft(host.Memory, service).toBeGreaterThan(0);
      expect.soft(host.NanoCpus, service).toBeGreaterThan(0);
      expect.soft(host.LogConfig.Config['max-size'], service).toBe('10m');
      expect.soft(config.Healthcheck?.Test?.[0], service).toBe('CMD');
      expect.soft(await shop.inside(service, 'id -u'), service).not.toBe('0\n');
    }
  });

  test('lets each container reach the others that it needs, and no more', async () => {
    const asked = ['nginx', ...services, 'redis-2', 'sentinel-2', 'backup'];
    const found = Object.fromEntries(
      await Promise.all(asked.map(async (name) => [name, await reachedFrom(shop, name)])),
    );
    // Nginx has to answer the world; whether it can also call it is up to the host.
    found.nginx = found.nginx.filter((name: string) => name !== 'outside');
    expect(found).toEqual({
      nginx: ['users', 'products', 'purchases'],
      users: ['nginx', 'redis', 'sentinel'],
      products: ['nginx', 'redis', 'sentinel'],
      purchases: ['nginx', 'redis', 'sentinel'],
      'redis-2': ['users', 'products', 'purchases', 'redis', 'sentinel'],
      'sentinel-2': ['users', 'products', 'purchases', 'redis', 'sentinel'],
      backup: ['redis', 'sentinel'],
    });
    // On the machine, Nginx alone is open to others, and plain HTTP to none of them.
    const listed = (await shop.compose('ps', '--format', '{{.Service}} {{.Ports}}')).split('\n');
    const ports = listed.filter((line) => line.includes('->'));
    expect(ports.filter((line) => !line.startsWith('nginx ') && /(0\.0\.0\.0|\[?::\]?):/.test(line))).toEqual([]);
    const http = ports.join(' ').match(/[^ ]+->8080/g);
    expect(http).toEqual([`127.0.0.1:${shop.httpPort}->8080`]);
  });

  test('gives a service its own secrets and no other', async () => {
    const ofAll = ['IDEMPOTENCY_SECRET', 'REDIS_PASSWORD', 'SENTINEL_PASSWORD'];
    const own: Record<string, string[]> = {
      users: [
        'ADMIN_EMAIL',
        'ADMIN_PASSWORD',
        'JWT_PRIVATE_KEY',
        'REFRESH_SECRET',
        'INTERNAL_SECRET_PRODUCTS_TO_USERS',
        'INTERNAL_SECRET_PURCHASES_TO_USERS',
      ],
      products: ['INTERNAL_SECRET_PRODUCTS_TO_USERS', 'INTERNAL_SECRET_PURCHASES_TO_PRODUCTS'],
      purchases: ['INTERNAL_SECRET_PURCHASES_TO_PRODUCTS', 'INTERNAL_SECRET_PURCHASES_TO_USERS'],
    };
    for (const service of services) {
      const names = (await shop.inside(service, 'ls /run/secrets')).trim().split('\n');
      expect([service, names.sort()]).toEqual([service, [...ofAll, ...(own[service] ?? [])].sort()]);
    }
    for (const name of ['REDIS_PASSWORD', 'SENTINEL_PASSWORD']) {
      const passwords = await Promise.all(services.map((service) => shop.inside(service, `cat /run/secrets/${name}`)));
      expect([name, new Set(passwords).size]).toEqual([name, services.length]);
    }
  });

  test("opens nothing of another service with a service's own passwords", async () => {
    expect(await openedByPasswordsOfProducts(shop)).toEqual([]);
  });

  test('spreads requests over replicas that were added, without a failed request', async () => {
    const buying = await load();
    await shop.compose('up', '-d', '--no-recreate', '--wait', '--scale', 'products=4', 'products');
    const served = async () => {
      const counts = await Promise.all(
        (await shop.containers('products')).map(async (id) => {
          const log = await shop.docker('logs', '--since', '5s', id);
          return log.split('\n').filter((line) => line.includes('/products/')).length;
        }),
      );
      return counts.length === 4 && counts.every((count) => count > 0) && counts;
    };
    await waitFor('requests on all four replicas', served, 20_000, 1000);
    await shop.compose('up', '-d', '--no-recreate', '--scale', 'products=2', 'products');
    expectSound(await buying.stop(), 0);
  });

  test('loses and doubles nothing when a service, the master and Nginx are killed', async () => {
    const buying = await load();
    const crashOf = async (service: string) => {
      const [id = ''] = await shop.containers(service);
      const before = await startedAt(id);
      await shop.crash(id);
      const isBack = async () => (await startedAt(id)) !== before && (await state(id)) === 'healthy';
      await waitFor(`${service} to be back`, isBack, 60_000, 500);
    };
    await crashOf('purchases');
    const before = await shop.master();
    await crashOf(before);
    await waitFor('another master', async () => (await shop.master()) !== before);
    await crashOf('nginx');
    expectSound(await buying.stop());
  });

  test('keeps its data and has one master after a restart of everything, and after down and up', async () => {
    const bought = await shop.books();
    await shop.compose('restart', '--timeout', '5');
    await waitFor('the shop', shop.healthy, 60_000, 500);
    expect(await shop.books()).toEqual(bought);
    await shop.compose('down', '--timeout', '10');
    await shop.compose('up', '-d', '--wait');
    expect(await shop.books()).toEqual(bought);
    const roles = await Promise.all(redis.map((name) => shop.redisCli(name, 'ROLE')));
    expect(roles.filter((role) => role.startsWith('master'))).toHaveLength(1);
  });

  test('uses a renewed certificate without a restart', async () => {
    const [id = ''] = await shop.containers('nginx');
    const before = await startedAt(id);
    await shop.inside('nginx', 'rm /tls/*.pem; sh /shop/nginx/certificate.sh /tls renewed.example');
    // In the moment of the reload an old worker may still answer once.
    const isRenewed = async () => (await shop.certificateName()) === 'renewed.example';
    await waitFor('the new certificate', isRenewed, 25_000, 500);
    await waitFor('it to stay', async () => (await isRenewed()) && (await isRenewed()) && isRenewed(), 25_000, 500);
    expect(await startedAt(id)).toBe(before);
  });

  test('comes back from a backup with the data of then', async () => {
    await shop.inside('backup', 'sh /shop/redis/backup.sh now');
    const then = await shop.books();
    expect(then.purchases?.length).toBeGreaterThan(0);
    const buying = await load();
    const isGrown = async () => (await shop.products()).length > (then.products?.length ?? 0);
    await waitFor('a product to be added since', isGrown);
    await buying.stop();
    const [name = ''] = (await shop.inside('backup', 'sh /shop/redis/backup.sh list')).trim().split('\n').slice(-1);
    await shop.script('redis/restore.sh', name.split(' ')[0] ?? '');
    await waitFor('the shop', shop.healthy, 60_000, 500);
    expect(await shop.books()).toEqual(then);
    const buyingAgain = await load();
    await waitFor('purchases', () => buyingAgain.bought() >= 20);
    expectSound(await buyingAgain.stop(), 0);
  });

  test('does not restore a backup that was damaged', async () => {
    await shop.inside('backup', 'cd /backups && f=$(ls shop-*.rdb | tail -n 1) && echo x >>"$f"');
    await expect(shop.script('redis/restore.sh', 'latest')).rejects.toThrow();
    expect(await shop.healthy()).toBe(true);
  });

  // --- What is asked of it

  function expectSound(seen: Seen, failed?: number) {
    expect(seen).toMatchObject({ lost: 0, violations: [], ...(failed === undefined ? {} : { failed }) });
    console.log(`requests ${seen.requests}, failed first tries ${seen.failed}, longest gap ${seen.longestGapMs} ms`);
  }

  const startedAt = async (id: string) => (await shop.docker('inspect', '-f', '{{.State.StartedAt}}', id)).trim();
  const state = async (id: string) => (await shop.docker('inspect', '-f', '{{.State.Health.Status}}', id)).trim();
});

/** The Compose shop of a test: a project, ports, volumes and images of its own, and what can be asked of it. */
import { execFile, execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import process from 'node:process';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { openPrometheus, type Series } from '../../monitoring/status/prometheus.ts';
import { type FailoverClient, failoverClient } from './client.ts';

const execute = promisify(execFile);

/** What a list holds: there is more in it, which is only compared. */
type Item = { readonly id: string };

/** See {@link composeShop}. */
export type ComposeShop = {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly url: string;
  /** Runs `docker compose ...`, and returns what it printed. Rejects with its words when it fails. */
  compose(...words: string[]): Promise<string>;
  /** Runs `docker ...`. */
  docker(...words: string[]): Promise<string>;
  /** Runs a script of the project with this shop's settings. */
  script(path: string, ...words: string[]): Promise<string>;
  /** Runs shell words in a running container of a service. */
  inside(service: string, script: string): Promise<string>;
  /** Ids of a service's running containers. */
  containers(service: string): Promise<string[]>;
  /** Kills a container's first process, as the kernel would: Docker starts it again. (`docker kill` is an order, and it would not.) */
  crash(container: string): Promise<void>;
  adminPassword(): Promise<string>;
  /** What Prometheus answers to a query. */
  query(expression: string): Promise<Series[]>;
  /** Whether every service has a replica that is ready, seen through Nginx. */
  healthy(): Promise<boolean>;
  /** The container that the Sentinels name. */
  master(): Promise<string>;
  /** Runs a command on a Redis node. */
  redisCli(node: string, command: string): Promise<string>;
  /** All products with their stock, by id, as a client reads them. */
  products(): Promise<Item[]>;
  /** All users, products and purchases, as the admin reads them. */
  books(): Promise<Record<string, Item[]>>;
  /** The name in the certificate of Nginx. */
  certificateName(): Promise<string>;
};

/** Whether an engine with Compose answers here. */
export function hasEngine(): boolean {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore', timeout: 10_000 });
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/**
 * Reserves free ports for it; nothing is started.
 * @param settings settings of Compose and of the shop beside those of every test
 */
export async function composeShop(project: string, settings: Record<string, string> = {}): Promise<ComposeShop> {
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    // The settings of another shop on this machine do not count.
    COMPOSE_DISABLE_ENV_FILE: '1',
    COMPOSE_PROJECT_NAME: project,
    HTTP_PORT: String(httpPort),
    HTTPS_PORT: String(httpsPort),
    // Any port that is free.
    ...Object.fromEntries(['PROMETHEUS', 'ALERTMANAGER', 'MAILPIT', 'GRAFANA'].map((name) => [`${name}_PORT`, '0'])),
    RATE_LIMITS: 'off',
    SHOP_VERSION: 'test',
    ...settings,
  };
  const run = async (program: string, words: string[]) =>
    (await execute(program, words, { env, maxBuffer: 64 * 1024 * 1024 })).stdout;
  const compose = (...words: string[]) => run('docker', ['compose', ...words]);
  const docker = (...words: string[]) => run('docker', words);
  const inside = (service: string, script: string) => compose('exec', '-T', service, 'bash', '-c', script);
  const url = `http://127.0.0.1:${httpPort}`;
  const secret = async (name: string) => {
    const shown = await compose('run', '--rm', '-T', 'secrets', 'show');
    return new RegExp(`^${name}=(.+)$`, 'm').exec(shown)?.[1] ?? '';
  };
  const adminPassword = () => secret('ADMIN_PASSWORD');
  let monitoringPassword: string | undefined;
  const asClient = async <T>(work: (client: FailoverClient) => Promise<T>) => {
    const client = failoverClient([url]);
    return work(client).finally(client.close);
  };
  return {
    httpPort,
    httpsPort,
    url,
    compose,
    docker,
    script: (path, ...words) => run('sh', [path, ...words]),
    inside,
    containers: async (service) => (await compose('ps', '-q', service)).split('\n').filter((id) => id !== ''),
    async crash(container) {
      process.kill(Number(await docker('inspect', '-f', '{{.State.Pid}}', container)), 'SIGKILL');
    },
    adminPassword,
    async query(expression) {
      monitoringPassword ??= await secret('MONITORING_PASSWORD');
      const address = (await compose('port', 'prometheus', '9090')).trim();
      return openPrometheus(address, monitoringPassword).instant(expression);
    },
    healthy: async () => (await fetch(`${url}/healthz`)).status === 200,
    async master() {
      const auth = 'REDISCLI_AUTH=$(cat /run/secrets/SENTINEL_PASSWORD)';
      const answer = await inside('sentinel-1', `${auth} redis-cli -p 26379 SENTINEL GET-MASTER-ADDR-BY-NAME shop`);
      return answer.split('\n')[0]?.trim() ?? '';
    },
    redisCli(node, command) {
      const auth = 'REDISCLI_AUTH=$(cat /run/secrets/REDIS_PASSWORD_OPERATOR)';
      return inside(node, `${auth} redis-cli --user operator ${command}`);
    },
    products: () => asClient(async ({ listAll }) => byId(await listAll<Item>('/products'))),
    books: () =>
      asClient(async ({ signIn, listAll }) => {
        const token = await signIn({ email: 'admin@example.com', password: await adminPassword() });
        const lists = ['users', 'products', 'purchases'].map(
          async (name) => [name, byId(await listAll<Item>(`/${name}`, token))] as const,
        );
        return Object.fromEntries(await Promise.all(lists));
      }),
    certificateName: () =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: httpsPort, rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.end();
        }).on('error', reject);
      }),
  };
}

const byId = (items: Item[]) => items.sort((a, b) => a.id.localeCompare(b.id));

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

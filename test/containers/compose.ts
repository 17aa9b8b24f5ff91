/** The Compose shop of a test: a project, ports, volumes and images of its own, and what can be asked of it. */
import { execFile, execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import process from 'node:process';
import { connect } from 'node:tls';
import { promisify } from 'node:util';

const execute = promisify(execFile);

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
  /** Whether every service has a replica that is ready, seen through the edge. */
  healthy(): Promise<boolean>;
  /** The container that the Sentinels name. */
  master(): Promise<string>;
  /** Runs a command on a Redis node. */
  redisCli(node: string, command: string): Promise<string>;
  /** All products with their stock, by id, as a client reads them. */
  products(): Promise<{ id: string }[]>;
  /** Whom the certificate at the edge is for. */
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

/** Free ports for it; nothing is started. */
export async function composeShop(project: string): Promise<ComposeShop> {
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    // Settings of the shop that somebody runs here do not matter.
    COMPOSE_DISABLE_ENV_FILE: '1',
    COMPOSE_PROJECT_NAME: project,
    HTTP_PORT: String(httpPort),
    HTTPS_PORT: String(httpsPort),
    RATE_LIMITS: 'off',
    SHOP_VERSION: 'test',
  };
  const run = async (program: string, words: string[]) =>
    (await execute(program, words, { env, maxBuffer: 64 * 1024 * 1024 })).stdout;
  const compose = (...words: string[]) => run('docker', ['compose', ...words]);
  const docker = (...words: string[]) => run('docker', words);
  const inside = (service: string, script: string) => compose('exec', '-T', service, 'bash', '-c', script);
  const url = `http://127.0.0.1:${httpPort}`;
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
    async adminPassword() {
      const shown = await compose('run', '--rm', '-T', 'secrets', 'show');
      return shown.match(/^ADMIN_PASSWORD=(.+)$/m)?.[1] ?? '';
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
    async products() {
      const found: { id: string }[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const response = await fetch(`${url}/products?limit=100${query}`);
        const page = (await response.json()) as { data: { id: string }[]; nextCursor: string | null };
        found.push(...page.data);
        cursor = page.nextCursor;
      }
      return found.sort((a, b) => a.id.localeCompare(b.id));
    },
    certificateName: () =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: httpsPort, rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.end();
        }).on('error', reject);
      }),
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serviceNames, settingName } from '../../../api/services.ts';
import { removeCacheDir } from '../../../ops/local/cache-dirs.ts';
import { readSettings } from '../../../ops/local/settings.ts';
import { topology } from '../../../ops/local/topology.ts';
import { makeSecrets } from '../../support/secrets.ts';

const projectDir = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'rendering-'));
});
afterAll(() => {
  removeCacheDir(join(dir, 'nginx-1'));
  rmSync(dir, { recursive: true });
});

const withoutComments = (text: string) => text.replaceAll(/^ *#.*$/gm, '');

describe('the files of Nginx', () => {
  let env: Record<string, string>;
  beforeAll(() => {
    const read = readSettings({ ...makeSecrets(), SHOP_DIR: dir, PATH: '/usr/bin:/bin' }, projectDir);
    if (read.kind === 'faulty') throw new Error(read.faults.join());
    const nginx = topology(read.settings).find(({ name }) => name === 'nginx-1');
    env = { ...read.settings.inherited, ...nginx?.env };
    execFileSync('sh', [join(projectDir, 'nginx/certificate.sh'), join(dir, 'tls'), 'localhost', '127.0.0.1'], { env });
    execFileSync('sh', [join(projectDir, 'nginx/entry.sh'), 'render'], { env });
  });

  test('have no placeholder left', () => {
    const folder = join(dir, 'nginx-1');
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.conf'))) {
      expect([name, withoutComments(readFileSync(join(folder, name), 'utf8')).match(/\$\{.*?\}/g)]).toEqual([
        name,
        null,
      ]);
    }
  });

  /** What Nginx says about the files in this folder: `good`, or its complaints. */
  function judge(folder: string): string {
    const words = ['-p', folder, '-e', 'stderr', '-t', '-q', '-c', join(folder, 'nginx.conf')];
    // Through `cat`: /dev/stdout, where the access log goes, cannot be opened if it is a socket, as Node.js makes it.
    const command = ['-c', '{ nginx "$@" 2>&1 && echo good; } | cat', 'sh', ...words];
    return spawnSync('sh', command, { env, encoding: 'utf8' }).stdout;
  }

  test('are accepted by Nginx without a warning', () => {
    expect(judge(join(dir, 'nginx-1'))).toBe('good\n');
  });

  test('have room for 99 replicas of every service', () => {
    const replicas = Array.from({ length: 99 }, (_, i) => `127.0.0.1:${20_000 + i}`).join(' ');
    const upstreams = Object.fromEntries(serviceNames.map((service) => [`UPSTREAM_${settingName(service)}`, replicas]));
    const folder = join(dir, 'many');
    execFileSync('sh', [join(projectDir, 'nginx/entry.sh'), 'render'], {
      env: { ...env, ...upstreams, DATA_DIR: folder },
    });
    expect(judge(folder)).toBe('good\n');
  });

  test('go on with the last good certificate when a key does not match', () => {
    const folder = join(dir, 'certificate');
    const given = join(dir, 'given');
    const entry = () =>
      spawnSync('sh', [join(projectDir, 'nginx/entry.sh'), 'render'], {
        env: { ...env, DATA_DIR: folder, TLS_DIR: given },
        encoding: 'utf8',
      });
    const make = (path: string) =>
      execFileSync('sh', [join(projectDir, 'nginx/certificate.sh'), path, 'localhost'], { env });
    expect(entry()).toMatchObject({ status: 1, stderr: expect.stringContaining('that belong together') });
    make(given);
    const good = readFileSync(join(given, 'cert.pem'), 'utf8');
    expect(entry().status).toBe(0);
    make(join(dir, 'other'));
    copyFileSync(join(dir, 'other', 'key.pem'), join(given, 'key.pem'));
    expect(entry()).toMatchObject({ status: 0, stderr: expect.stringContaining('using the last good pair') });
    expect(readFileSync(join(folder, 'tls', 'cert.pem'), 'utf8')).toBe(good);
    expect(readFileSync(join(folder, 'nginx.conf'), 'utf8')).toContain(
      'location = /certificate { return 200 "0\\n"; }',
    );
    expect(judge(folder)).toBe('good\n');
    copyFileSync(join(dir, 'other', 'cert.pem'), join(given, 'cert.pem'));
    expect(entry().status).toBe(0);
    expect(readFileSync(join(folder, 'tls', 'cert.pem'), 'utf8')).not.toBe(good);
  });

  test('keep answers in CACHE_DIR, but not behind a link that another user may have made', () => {
    const folder = join(dir, 'cached');
    const link = join(dir, 'link');
    symlinkSync(dir, link);
    const cachePathWith = (cacheDir: string) => {
      execFileSync('sh', [join(projectDir, 'nginx/entry.sh'), 'render'], {
        env: { ...env, DATA_DIR: folder, CACHE_DIR: cacheDir },
      });
      return /^proxy_cache_path (\S+)/m.exec(readFileSync(join(folder, 'cache.conf'), 'utf8'))?.[1];
    };
    expect(cachePathWith(join(dir, 'memory'))).toBe(join(dir, 'memory', 'catalogue'));
    expect(readlinkSync(join(dir, 'memory', 'of'))).toBe(folder);
    expect(cachePathWith(link)).toBe(join(folder, 'catalogue'));
    expect(cachePathWith('')).toBe(join(folder, 'catalogue'));
  });

  test('route to every service', () => {
    const routes = readFileSync(join(projectDir, 'nginx/routes.conf'), 'utf8');
    for (const service of serviceNames) expect(routes).toContain(`proxy_pass http://${service};`);
  });

  test('keep a certificate that is still good', () => {
    const before = readFileSync(join(dir, 'tls/cert.pem'), 'utf8');
    execFileSync('sh', [join(projectDir, 'nginx/certificate.sh'), join(dir, 'tls'), 'localhost'], { env });
    expect(readFileSync(join(dir, 'tls/cert.pem'), 'utf8')).toBe(before);
  });
});

describe('the files of Redis', () => {
  const acl = readFileSync(join(projectDir, 'redis/users.acl'), 'utf8');

  test('have a user for every service, whose rules are those of the others', () => {
    const rules = serviceNames.map((service) => {
      const line = acl.split('\n').find((each) => each.startsWith(`user ${service} `)) ?? `no user ${service}`;
      expect(line).toContain(`#\${REDIS_PASSWORD_${settingName(service)}_SHA256}`);
      expect(line).toContain(`~{${service}}:* `);
      for (const name of serviceNames) expect(line).toContain(` %R~{${name}}:events `);
      return line
        .replaceAll(/ %R~\{[a-z-]+\}:events/g, '')
        .replaceAll(service, '')
        .replaceAll(settingName(service), '');
    });
    expect(new Set(rules).size).toBe(1);
  });

  test('have a user for every service at the Sentinels, whose rules are those of the others', () => {
    const sentinel = readFileSync(join(projectDir, 'redis/sentinel.conf'), 'utf8');
    const rules = serviceNames.map((service) => {
      const line = sentinel.split('\n').find((each) => each.startsWith(`user ${service} `)) ?? `no user ${service}`;
      expect(line).toContain(`#\${SENTINEL_PASSWORD_${settingName(service)}_SHA256}`);
      return line.replaceAll(service, '').replaceAll(settingName(service), '');
    });
    expect(new Set(rules).size).toBe(1);
  });

  test('name no command that Redis 7.0 does not know', () => {
    expect(withoutComments(acl)).not.toContain('setinfo');
  });

  test('are not started without a secret, and the message says which', () => {
    const env = {
      PATH: '/usr/bin:/bin',
      NODE_HOST: '127.0.0.1',
      PORT: '1',
      DATA_DIR: join(dir, 'redis-9'),
      PEERS: '127.0.0.1:1',
      SENTINELS: '127.0.0.1:2',
      INITIAL_MASTER: '127.0.0.1:1',
    };
    const result = spawnSync('sh', [join(projectDir, 'redis/entry.sh'), 'sentinel'], { env, encoding: 'utf8' });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('SENTINEL_PASSWORD is missing');
    expect(existsSync(join(dir, 'redis-9', 'sentinel.conf'))).toBe(false);
  });
});

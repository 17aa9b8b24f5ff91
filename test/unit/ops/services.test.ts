/** One declaration (api/services.ts, ops/credentials.ts) against every file that has to name a service, a user or a secret. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { serviceNames, settingName } from '../../../api/services.ts';
import { redisUsers, secretNames, secretOwners, secretsOfService, sentinelUsers } from '../../../ops/credentials.ts';

type Container = {
  environment?: Record<string, unknown>;
  secrets?: { source: string; target?: string }[];
  volumes?: unknown[];
  networks?: string[] | Record<string, unknown>;
};
type Containers = { services: Record<string, Container>; networks: object; volumes?: object; secrets?: object };

const text = (path: string) => readFileSync(path, 'utf8');
const containers = (path: string) => parse(text(path), { merge: true }) as Containers;
const compose = containers('docker-compose.yml');
const stack = containers('stack.yml');
const monitoring = containers('monitoring/compose.yml');

const namesIn = (list: unknown) =>
  String(list ?? '')
    .split(' ')
    .map((name) => name.replace('tasks.', ''));
const networksOf = ({ networks = [] }: Container) => (Array.isArray(networks) ? networks : Object.keys(networks));

/** What a service needs in each file; `true` where it is there. CONTRIBUTING.md lists the same files, in this order. */
function needsOf(service: string): [file: string, what: string, isThere: boolean][] {
  const upstream = `UPSTREAM_${settingName(service)}`;
  const secrets = Object.entries(secretsOfService(service));
  const has = (path: string, part: string | RegExp) =>
    typeof part === 'string' ? text(path).includes(part) : part.test(text(path));
  const inShell = (path: string) =>
    text(path)
      .split('\n')
      .filter((line) => / users products purchases\b/.test(line))
      .every((line) => line.includes(` ${service}`));
  const inContainers = (path: string, file: Containers, watchers: Containers): [string, string, boolean][] => [
    [path, `the service ${service}`, service in file.services],
    [
      path,
      `the networks ${service} and ${service}-data`,
      [service, `${service}-data`].every((name) => name in file.networks),
    ],
    [path, `SERVICES of nginx`, namesIn(file.services.nginx?.environment?.SERVICES).includes(service)],
    [path, `${upstream} of nginx`, upstream in (file.services.nginx?.environment ?? {})],
    [path, `nginx on the network ${service}`, networksOf(file.services.nginx ?? {}).includes(service)],
    ...['redis-1', 'redis-2', 'redis-3', 'sentinel-1', 'sentinel-2', 'sentinel-3'].map(
      (name): [string, string, boolean] => [
        path,
        `${name} on the network ${service}-data`,
        networksOf(file.services[name] ?? {}).includes(`${service}-data`),
      ],
    ),
    [
      file === stack ? path : 'monitoring/compose.yml',
      `SERVICES of prometheus`,
      namesIn(watchers.services.prometheus?.environment?.SERVICES).includes(service),
    ],
    [
      file === stack ? path : 'monitoring/compose.yml',
      `prometheus on the network ${service}`,
      networksOf(watchers.services.prometheus ?? {}).includes(service),
    ],
  ];
  return [
    ['api/services.ts', `the name '${service}'`, (serviceNames as readonly string[]).includes(service)],
    [`api/${service}/open.ts`, 'the service itself', existsSync(`api/${service}/open.ts`)],
    [`api/${service}/tables.ts`, 'its route tables', existsSync(`api/${service}/tables.ts`)],
    [
      'nginx/routes.conf',
      `a location that passes to ${service}`,
      has('nginx/routes.conf', `proxy_pass http://${service};`),
    ],
    [
      'redis/users.acl',
      `the user ${service}`,
      has('redis/users.acl', new RegExp(`^user ${service} .*~\\{${service}\\}:\\*`, 'm')),
    ],
    ['redis/sentinel.conf', `the user ${service}`, has('redis/sentinel.conf', `\nuser ${service} on `)],
    ['.env.example', `REPLICAS_${settingName(service)}`, has('.env.example', `\nREPLICAS_${settingName(service)}=`)],
    ...inContainers('docker-compose.yml', compose, monitoring),
    [
      'docker-compose.yml',
      `secrets-${service} of ${service}`,
      has('docker-compose.yml', `'secrets-${service}:/run/secrets:ro'`),
    ],
    [
      'docker-compose.yml',
      `secrets-${service} of secrets`,
      has('docker-compose.yml', `- secrets-${service}:/secrets/${service}\n`),
    ],
    ['docker-compose.yml', `the volume secrets-${service}`, `secrets-${service}` in (compose.volumes ?? {})],
    ...inContainers('stack.yml', stack, stack),
    ...(['docker-compose.yml', 'stack.yml'] as const).flatMap((path) =>
      secrets.map(([file]): [string, string, boolean] => [
        path,
        `${file}_FILE of ${service}`,
        (path === 'stack.yml' ? stack : compose).services[service]?.environment?.[`${file}_FILE`] ===
          `/run/secrets/${file}`,
      ]),
    ),
    ...secrets.map(([file, secret]): [string, string, boolean] => [
      'stack.yml',
      `the secret ${secret} of ${service}`,
      (stack.services[service]?.secrets ?? []).some(
        ({ source, target = source }) => source === secret && target === file,
      ),
    ]),
    ...['ops/compose.sh', 'ops/stack/restore.sh', 'redis/restore.sh'].map((path): [string, string, boolean] => [
      path,
      `${service} beside users products purchases`,
      inShell(path),
    ]),
  ];
}

test.each(serviceNames)('every file has what the service %s needs', (service) => {
  const missing = needsOf(service).filter(([, , isThere]) => !isThere);
  expect(missing.map(([file, what]) => `${file} lacks ${what}`)).toEqual([]);
});

test('CONTRIBUTING.md lists the files of a new service, all that would lack something and no other', () => {
  const lacking = needsOf('new-service').filter(([, , isThere]) => !isThere);
  const files = new Set(lacking.map(([file]) => file.replace('new-service', '<name>')));
  const section = /## A new service\n(.*?)(\n## |$)/s.exec(text('CONTRIBUTING.md'))?.[1] ?? '';
  const listed = [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, file]) => file);
  expect(listed).toEqual([...files]);
});

describe('users and secrets', () => {
  const usersIn = (path: string) => [...text(path).matchAll(/^user (\S+) on /gm)].map(([, name]) => name);

  test('users.acl has the declared users and no other', () => {
    expect(usersIn('redis/users.acl').sort()).toEqual([...redisUsers].sort());
  });

  test('sentinel.conf has the declared users, and the exporter', () => {
    expect(usersIn('redis/sentinel.conf').sort()).toEqual([...sentinelUsers, 'exporter'].sort());
  });

  test('.env.example names every secret', () => {
    const missing = secretNames().filter((name) => !new RegExp(`^#?${name}=`, 'm').test(text('.env.example')));
    expect(missing).toEqual([]);
  });

  test('Compose has a volume of secrets for every owner', () => {
    const volumes = compose.services.secrets?.volumes ?? [];
    expect(
      Object.keys(secretOwners).filter((owner) => !volumes.includes(`secrets-${owner}:/secrets/${owner}`)),
    ).toEqual([]);
  });

  /** The containers of a swarm that an owner's secrets are for. */
  const ofOwner: Record<string, string[]> = {
    redis: ['redis-1', 'redis-2', 'redis-3'],
    sentinel: ['sentinel-1', 'sentinel-2', 'sentinel-3'],
    backup: ['backup'],
    exporter: ['redis-exporter'],
    status: ['status'],
    prometheus: ['prometheus'],
    ...Object.fromEntries(serviceNames.map((service) => [service, [service]])),
  };
  test.each(Object.entries(ofOwner))('the stack gives %s its secrets and no other', (owner, names) => {
    const wanted = Object.entries(secretOwners[owner] ?? {});
    for (const name of names) {
      const given = (stack.services[name]?.secrets ?? []).map(({ source }) => source);
      expect({ name, given: given.sort() }).toEqual({ name, given: wanted.map(([, secret]) => secret).sort() });
    }
  });
});

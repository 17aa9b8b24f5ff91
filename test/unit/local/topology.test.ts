import { expect, test } from 'vitest';
import { serviceNames, settingName } from '../../../api/services.ts';
import { readSettings, type Settings } from '../../../ops/local/settings.ts';
import { topology } from '../../../ops/local/topology.ts';
import { makeSecrets } from '../../support/secrets.ts';

const settings = ((): Settings => {
  const read = readSettings(makeSecrets(), '/project');
  if (read.kind === 'faulty') throw new Error(read.faults.join());
  return read.settings;
})();
const specs = topology(settings);

test('a shop has three Redis, three Sentinels, two Nginx and two of each service', () => {
  const count = (kind: string) => specs.filter((spec) => spec.kind === kind).length;
  expect([count('redis'), count('sentinel'), count('nginx')]).toEqual([3, 3, 2]);
  for (const service of serviceNames) expect(count(service)).toBe(2);
});

test('no two processes have one port, with as many replicas as there can be', () => {
  const replicas = Object.fromEntries(serviceNames.map((service) => [service, 99]));
  const ports = topology({ ...settings, replicas }).map(({ kind, port, health }) =>
    kind === 'nginx' ? health.port : port,
  );
  expect(new Set(ports).size).toBe(ports.length);
  expect(Math.max(...ports)).toBeLessThan(settings.portBase + 1000);
});

test('no secret stands in a command line, where every user of the machine could read it', () => {
  const commands = specs.flatMap(({ command }) => command).join(' ');
  for (const secret of Object.values(settings.secrets)) expect(commands).not.toContain(secret);
});

test('a service is given its own Redis password and no other, the secrets of its own calls, and only users what signs tokens', () => {
  for (const service of serviceNames) {
    const env = JSON.stringify(specs.find(({ kind }) => kind === service)?.env);
    for (const [name, secret] of Object.entries(settings.secrets)) {
      const isForAll = name === 'IDEMPOTENCY_SECRET' && service !== 'users';
      const [, caller, called] = /^INTERNAL_SECRET_(.+)_TO_(.+)$/.exec(name) ?? [];
      const isOfItsCalls = [caller, called].includes(settingName(service));
      const isOwn = ['REDIS_PASSWORD', 'SENTINEL_PASSWORD'].some((kind) => name === `${kind}_${settingName(service)}`);
      const isForUsers =
        service === 'users' &&
        ['ADMIN_PASSWORD', 'REFRESH_SECRET', 'IDEMPOTENCY_SECRET_USERS', 'JWT_PRIVATE_KEY'].includes(name);
      expect([service, name, env.includes(secret)]).toEqual([
        service,
        name,
        isForAll || isOwn || isOfItsCalls || isForUsers,
      ]);
    }
  }
});

test('Nginx is given every replica', () => {
  const nginx = specs.find(({ kind }) => kind === 'nginx');
  expect(nginx?.env).toMatchObject({
    SERVICES: serviceNames.join(' '),
    UPSTREAM_USERS: '127.0.0.1:7101 127.0.0.1:7102',
  });
});

test('a caller stops before what it calls', () => {
  const order = (kind: string) => specs.find((spec) => spec.kind === kind)?.stopOrder ?? Number.NaN;
  expect(order('nginx')).toBeLessThan(order('users'));
  expect(order('users')).toBeLessThan(order('sentinel'));
  expect(order('sentinel')).toBeLessThan(order('redis'));
});

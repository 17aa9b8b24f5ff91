/** What a container of the Compose shop can reach, and the secrets that none may show. */
import type { ComposeShop } from './compose.ts';

/** One address of each part of the shop, and one outside. */
const addresses: Record<string, string> = {
  nginx: 'nginx:8082',
  users: 'users:3000',
  products: 'products:3000',
  purchases: 'purchases:3000',
  redis: 'redis-1:6379',
  sentinel: 'sentinel-1:26379',
  outside: '1.1.1.1:53',
};

/** The other parts to which a container of `service` can open a connection. */
export async function reachedFrom(shop: ComposeShop, service: string): Promise<string[]> {
  const probe = Object.entries(addresses)
    .map(([name, address]) => {
      const [host = '', port = ''] = address.split(':');
      return `timeout 2 bash -c '</dev/tcp/${host}/${port}' 2>/dev/null && echo ${name}`;
    })
    .join('; ');
  const printed = await shop.inside(service, `${probe}; true`);
  return printed.split('\n').filter((name) => name !== '' && name !== service);
}

/** All secrets of the shop. The admin's address is no secret. */
export async function secretValues(shop: ComposeShop): Promise<string[]> {
  const script = 'cd /secrets/all && grep -H "" [A-Z]*';
  const all = await shop.compose(...'run --rm -T --entrypoint sh secrets -c'.split(' '), script);
  return all.split('\n').flatMap((line) => {
    const [name = '', value = ''] = [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)];
    return value === '' || name === 'ADMIN_EMAIL' ? [] : [value];
  });
}

/** What the passwords of `products` open although they must not: other users, keys of other services, commands of an operator. */
export async function openedByPasswordsOfProducts(shop: ComposeShop): Promise<string[]> {
  const passwordOf = async (name: string) => (await shop.inside('products', `cat /run/secrets/${name}`)).trim();
  const redisPassword = await passwordOf('REDIS_PASSWORD');
  const sentinelPassword = await passwordOf('SENTINEL_PASSWORD');
  const ask = (user: string, password: string, words: string) =>
    shop.inside('redis-2', `REDISCLI_AUTH=${password} redis-cli --user ${user} ${words} 2>&1; true`);
  const onRedis = '-h redis-1';
  const onSentinel = '-h sentinel-1 -p 26379';
  const opened: string[] = [];
  const expectRefused = async (user: string, password: string, words: string, refusal: RegExp) => {
    const answer = await ask(user, password, words);
    if (!refusal.test(answer)) opened.push(`${user}: ${words}: ${answer}`);
  };
  for (const user of ['users', 'purchases', 'operator', 'sentinel', 'replication', 'default']) {
    await expectRefused(user, redisPassword, `${onRedis} PING`, /NOAUTH/);
    await expectRefused(user, sentinelPassword, `${onSentinel} PING`, /NOAUTH/);
  }
  const inScript = `EVAL "return redis.call('GET', '{users}:x')" 0`;
  for (const command of ["GET '{users}:x'", inScript, 'CONFIG GET maxmemory', 'ACL LIST', 'REPLICAOF NO ONE'])
    await expectRefused('products', redisPassword, `${onRedis} ${command}`, /No permissions|NOPERM/);
  for (const command of ['SENTINEL SET shop quorum 1', 'SENTINEL MONITOR other 10.0.0.1 6379 1', 'SENTINEL RESET shop'])
    await expectRefused('products', sentinelPassword, `${onSentinel} ${command}`, /NOPERM/);
  return opened;
}

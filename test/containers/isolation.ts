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

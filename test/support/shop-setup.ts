/** For the flow tests: one whole shop, as `npm start` runs it, on free ports; shared by the files that only use it. */
import type { TestProject } from 'vitest/node';
import { createShop } from '../../ops/local/shop.ts';
import { portsFrom } from '../../ops/local/spec.ts';
import { temporarySettings } from './redis-nodes.ts';
import { startOnDemand } from './start-on-demand.ts';

/** What the set-up hands to the test files. */
export type SharedShop = {
  readonly httpUrl: string;
  readonly httpsUrl: string;
  readonly adminEmail: string;
  readonly adminPassword: string;
  readonly logDir: string;
  /** The ports of the replicas of `products`. */
  readonly productsPorts: readonly number[];
  /** The ports of the Redis nodes, and the password of the user `operator`. */
  readonly redis: { readonly ports: readonly number[]; readonly password: string };
};

declare module 'vitest' {
  export interface ProvidedContext {
    shop: SharedShop;
  }
}

/** @returns what stops the shop again */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { settings, remove } = await temporarySettings();
  const shop = createShop(settings);
  const { adminEmail, secrets, dir } = settings;
  const ports = portsFrom(settings.portBase);
  project.provide('shop', {
    httpUrl: shop.httpUrl,
    httpsUrl: shop.httpsUrl,
    adminEmail,
    adminPassword: secrets.ADMIN_PASSWORD ?? '',
    logDir: `${dir}/logs`,
    productsPorts: Array.from({ length: settings.replicas.products ?? 0 }, (_, i) => ports.service('products', i + 1)),
    redis: {
      ports: [1, 2, 3].map(ports.redis),
      password: secrets.REDIS_PASSWORD_OPERATOR ?? '',
    },
  });
  const endServer = await startOnDemand(project, () => shop.start());
  return async () => {
    await endServer();
    await shop.killAll();
    await remove();
  };
}

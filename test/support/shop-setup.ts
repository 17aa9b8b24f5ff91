/** Before the flow tests: one whole shop, as `npm start` runs it, on free ports; shared by the files that only use it. */
import type { TestProject } from 'vitest/node';
import { type Shop, startShop } from '../../ops/local/shop.ts';
import { portsFrom } from '../../ops/local/spec.ts';
import { temporarySettings } from './redis-nodes.ts';

/** What the set-up hands to the test files. */
export type SharedShop = {
  readonly httpUrl: string;
  readonly httpsUrl: string;
  readonly adminEmail: string;
  readonly adminPassword: string;
  readonly logDir: string;
  /** The ports of the Redis nodes, and the password of the user `operator`. */
  readonly redis: { readonly ports: readonly number[]; readonly password: string };
};

declare module 'vitest' {
  export interface ProvidedContext {
    shop: SharedShop;
  }
}

let shop: Shop | undefined;
let remove: (() => Promise<void>) | undefined;

export async function setup(project: TestProject) {
  const temporary = await temporarySettings();
  remove = temporary.remove;
  shop = await startShop(temporary.settings);
  const { adminEmail, secrets, dir } = temporary.settings;
  project.provide('shop', {
    httpUrl: shop.httpUrl,
    httpsUrl: shop.httpsUrl,
    adminEmail,
    adminPassword: secrets.ADMIN_PASSWORD ?? '',
    logDir: `${dir}/logs`,
    redis: {
      ports: [1, 2, 3].map(portsFrom(temporary.settings.portBase).redis),
      password: secrets.REDIS_PASSWORD_OPERATOR ?? '',
    },
  });
}

export async function teardown() {
  await shop?.killAll();
  await remove?.();
}

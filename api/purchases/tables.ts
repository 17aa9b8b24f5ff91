/** All route tables of `purchases`: `open.ts` binds them to the service, the OpenAPI document reads what they declare. */
import type { ServiceRoutes } from '../http/app.ts';
import type { Cursors } from '../http/lists.ts';
import { purchaseRoutes } from './routes.ts';
import type { PurchaseRules } from './service.ts';

/** What the handlers call. */
type PurchaseParts = { readonly service: PurchaseRules; readonly cursors: Cursors };

/** See {@link PurchaseParts}. */
export function tables({ service, cursors }: PurchaseParts): ServiceRoutes {
  return purchaseRoutes(service, cursors);
}

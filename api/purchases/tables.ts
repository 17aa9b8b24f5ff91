/** All route tables of `purchases`: `open.ts` binds them to the service, the OpenAPI document reads what they declare. */
import type { ServiceRoutes } from '../http/app.ts';
import type { Cursors } from '../http/lists.ts';
import { purchasesRoutes } from './routes.ts';
import type { PurchasesService } from './service.ts';

/** What the handlers call. */
type PurchaseParts = { readonly service: PurchasesService; readonly cursors: Cursors };

/** See {@link PurchaseParts}. */
export function tables({ service, cursors }: PurchaseParts): ServiceRoutes {
  return purchasesRoutes(service, cursors);
}

/** The route of a batch, whose products are each parsed, taken or refused on their own. */
import { idPattern } from '../core/ids.ts';
import { invalid, isRefusal, type Refusal } from '../core/outcome.ts';
import { problems } from '../core/problems.ts';
import { faultsOfText } from '../http/body.ts';
import { faultsOf, mergeFaults } from '../http/parse.ts';
import { type Route, route } from '../http/route.ts';
import type { createBatches } from './batch.ts';
import { type BatchOut, batchOut, type NewProduct, type productSchemas } from './schema.ts';

const maxBodyBytes = 2 * 1024 * 1024;

/** The route table. */
export function batchRoutes(
  batches: ReturnType<typeof createBatches>,
  schemas: ReturnType<typeof productSchemas>,
): Route[] {
  return [
    route({
      method: 'post',
      path: '/batch',
      access: 'admin',
      operationId: 'createProducts',
      summary: 'Create up to 1000 products. Each is created or refused on its own.',
      body: schemas.batch,
      response: { status: 200, body: batchOut },
      idempotent: true,
      rejectWhenFull: true,
      maxBodyBytes,
      itemsOf: 'products',
      async handle({ body, context }) {
        const parsed = body.products.map(parse);
        const made = await batches.make(parsed, context);
        if (isRefusal(made)) return made;
        const data = made.value.map((result, i) => shown(result, body.products[i]));
        return { status: 200, body: { data } satisfies BatchOut, replayed: made.replayed };
      },
    }),
  ];

  function parse(item: unknown, i: number): NewProduct | Refusal {
    const texts = faultsOfText(item, `#/products/${i}`);
    const read = schemas.create.safeParse(item);
    const faults = mergeFaults(texts, read.success ? [] : faultsOf(read.error, item, ['products', i]));
    return read.success && faults.length === 0 ? read.data : invalid(faults);
  }
}

function shown(result: string | Refusal, given: unknown): BatchOut['data'][number] {
  if (!isRefusal(result)) return { id: result, status: 201 };
  const [status, title] = problems[result.code];
  const { code, detail, extra } = result;
  return { id: idIn(given), status, problem: { type: `/problems/${code}`, title, status, detail, ...extra } };
}

function idIn(given: unknown): string | null {
  if (typeof given !== 'object' || given === null || !('id' in given)) return null;
  return typeof given.id === 'string' && idPattern.test(given.id) ? given.id : null;
}

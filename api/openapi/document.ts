/** The OpenAPI 3.1 document, made from the route tables and their schemas. */
import { type ProblemCode, problems } from '../core/problems.ts';
import { documentPath, operationOf } from './operations.ts';
import { problemExample } from './problem-texts.ts';
import { type ProblemResponses, problemSchema } from './problems.ts';
import { createSchemaWriter, type JsonSchema } from './schemas.ts';
import { commonHeaders, commonParameters, notModified } from './shared.ts';
import { shopPaths } from './shop-paths.ts';
import type { DeclaredRoutes } from './tables.ts';

const description = `The API of an online shop. Sign up, sign in, and send the access token as \`Authorization: Bearer …\`.

- Every refusal is a problem document (RFC 9457); its \`type\` leads to a page that says what to do.
- A write takes an \`Idempotency-Key\`. After a 503 or a lost answer, repeat it with the same key: it happens once.
- An unknown field or query parameter is refused, never ignored. A method that an address does not have is a 405 with \`Allow\`.
- Only \`nextCursor: null\` ends a list. A page may hold fewer items than \`limit\`, even none.
- Limits answer 429 with \`Retry-After\`; \`RateLimit-Policy\` names them. On their first day, customers who use one address share the daily
  limits of one customer for purchases and other writes.
- Later versions may add fields to answers.
- \`X-Server-Timing: 1\` asks for \`Server-Timing\`: how long each step took in the service.`;

/** A method that an address does not have is in no operation. */
const documentedCodes = (Object.keys(problems) as ProblemCode[]).filter((code) => code !== 'method-not-allowed');

/** Makes the document. @param version of the shop */
export function openApiDocument(routes: DeclaredRoutes, version: string): JsonSchema {
  const schemas = createSchemaWriter();
  const refusals: ProblemResponses = {};
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const [service, table] of Object.entries(routes)) {
    for (const route of table) {
      const path = documentPath(service, route);
      paths[path] = { ...paths[path], [route.method]: operationOf(service, route, schemas, refusals) };
    }
  }
  Object.assign(paths, shopPaths(refusals));
  return {
    openapi: '3.1.0',
    info: { title: 'Evergreen', version, description, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/', description: 'The shop that this document comes from.' }],
    tags: [
      ...Object.keys(routes).map((name) => ({ name, description: `The service \`${name}\`.` })),
      { name: 'shop', description: 'About the shop itself.' },
    ],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { ...schemas.components, Problem: problemSchema },
      parameters: commonParameters,
      headers: commonHeaders,
      responses: { ...refusals, NotModified: notModified },
      examples: Object.fromEntries(
        documentedCodes.map((code) => [code, { summary: problems[code][1], value: problemExample(code) }]),
      ),
    },
  };
}

/** Writes `types.ts`, the part of the client that follows the OpenAPI document: types by json-schema-to-typescript, and a table of calls. */
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import type { JsonSchema } from '../../api/openapi/schemas.ts';

type Parameter = { name: string; in: string; required?: boolean; schema: JsonSchema; $ref?: string };
type Content = { content?: Record<string, { schema: JsonSchema }> };
type Operation = {
  operationId: string;
  summary: string;
  parameters?: Parameter[];
  requestBody?: Content;
  responses: Record<string, Content>;
};
type Document = {
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> };
};

const json = 'application/json';

/** The text of `types.ts`. @param openApi the document, see api/openapi/document.ts */
export async function clientTypes(openApi: JsonSchema): Promise<string> {
  const { paths, components } = openApi as unknown as Document;
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const answer = Object.entries(operation.responses).find(([status]) => status.startsWith('2'))?.[1];
      const isJson = answer?.content === undefined || json in answer.content;
      return isJson ? [{ path, method: method.toUpperCase(), operation, answer }] : [];
    }),
  );
  const schema = {
    title: 'Calls',
    description: 'What each call takes and answers, by its operationId.',
    ...object(
      Object.fromEntries(calls.map(({ operation, answer }) => [operation.operationId, callOf(operation, answer)])),
    ),
    definitions: Object.fromEntries(
      Object.entries(components.schemas).map(([name, each]) => [name, { ...each, title: name }]),
    ),
  };
  const compiled = await compile(local(schema) as JSONSchema, 'Calls', {
    bannerComment: '/** Made by `npm run client` from the OpenAPI document; do not edit. */',
    additionalProperties: false,
    unreachableDefinitions: true,
    style: { singleQuote: true, printWidth: 120 },
  });
  const types = compiled
    .replace(/^ \* This interface was referenced by .*\n \* via the .*\n/gm, '')
    .replace(/^\/\*\*\n \*\/\n/gm, '');
  const table = calls.map(({ path, method, operation }) => {
    const isKeyed = operation.parameters?.some(({ $ref }) => $ref?.endsWith('/IdempotencyKey')) ?? false;
    return `  ${operation.operationId}: { method: '${method}', path: '${path}', isKeyed: ${isKeyed} },`;
  });
  return `${types}\n/** The method and path of each call, and whether it takes an Idempotency-Key. */\nexport const calls = {\n${table.join('\n')}\n} as const;\n`;
}

function callOf(operation: Operation, answer: Content | undefined): JsonSchema {
  const inPlace = (place: string) => (operation.parameters ?? []).filter((parameter) => parameter.in === place);
  const body = operation.requestBody?.content?.[json]?.schema;
  const result = answer?.content?.[json]?.schema;
  const members: Record<string, JsonSchema> = {
    ...parametersOf('params', inPlace('path')),
    ...parametersOf('query', inPlace('query')),
    ...(body === undefined ? {} : { body }),
    answer: result ?? { type: 'null' },
  };
  const required = Object.keys(members).filter((name) => name !== 'query');
  return { ...object(members, required), description: operation.summary };
}

function parametersOf(name: string, parameters: readonly Parameter[]): Record<string, JsonSchema> {
  if (parameters.length === 0) return {};
  const properties = Object.fromEntries(parameters.map((each) => [each.name, each.schema]));
  const required = parameters.filter((each) => each.required).map((each) => each.name);
  return { [name]: object(properties, required) };
}

function object(properties: Record<string, JsonSchema>, required = Object.keys(properties)): JsonSchema {
  return { type: 'object', additionalProperties: false, properties, required };
}

/** The schema with its references inside itself, as json-schema-to-typescript looks for them. */
function local(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', '#/definitions/'));
}

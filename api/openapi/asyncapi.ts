/** The AsyncAPI 3.0 document: every event of every service's stream, from the schemas in api/contracts/events.ts. */
import type { z } from 'zod';
import { eventStream, events } from '../contracts/events.ts';
import { createSchemaWriter, type JsonSchema, type SchemaWriter } from './schemas.ts';

const description = `The events of the shop, for its own services: each writes one Redis stream, which the others may read. Clients see the events of
a purchase at \`GET /purchases/{id}/events\`. An entry of a stream has the fields \`type\`, \`at\` (ms since 1970), \`request\` (the request id) and
\`data\` (JSON, the payload below). Entries are kept for at least ten minutes, those of \`users\` for 70. Names and e-mail addresses are in no event.`;

const headers: JsonSchema = {
  type: 'object',
  required: ['type', 'at', 'request'],
  properties: {
    type: { type: 'string', description: 'The name of the message.' },
    at: { type: 'string', pattern: '^\\d+$', description: 'Milliseconds since 1970.' },
    request: {
      type: 'string',
      description: 'The id of the request that caused the event; empty if the service caused it itself.',
    },
  },
};

type ServiceName = keyof typeof events;

/** What has happened when there is such an event. */
const summaries: Readonly<Record<string, string>> = {
  'user.created': 'A user has signed up, or the first admin was made.',
  'user.role-changed': 'An admin has changed the role of a user.',
  'user.password-changed': 'A user has changed the password.',
  'user.deleted': 'A user was deleted: no token of theirs is accepted any more.',
  'session.ended': 'Sign-ins have ended: no token of theirs is accepted any more.',
  'product.created': 'A product was created.',
  'product.updated': 'Fields of a product have changed.',
  'product.deleted': 'A product was deleted.',
  'product.restocked': 'An admin has added to the stock or taken from it.',
  'product.reserved': 'The items of a purchase were taken from stock.',
  'product.released': 'The items of a purchase were returned to stock.',
  'purchase.created': 'A purchase has begun.',
  'purchase.completed': 'A purchase is complete: its items were taken from stock.',
  'purchase.failed': 'A purchase was refused, and nothing was taken.',
  'purchase.cancelled': 'A purchase was cancelled.',
};

/** Makes the document. @param version of the shop */
export function asyncApiDocument(version: string): JsonSchema {
  const schemas = createSchemaWriter();
  const services = Object.entries(events) as [ServiceName, Record<string, z.ZodType>][];
  const messages = services.flatMap(([, types]) =>
    Object.entries(types).map(([type, schema]) => [type, messageOf(type, schema, schemas)] as const),
  );
  return {
    asyncapi: '3.0.0',
    info: { title: 'Evergreen events', version, description, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(services.map(([service, types]) => [service, channelOf(service, Object.keys(types))])),
    operations: Object.fromEntries(
      services.map(([service]) => [
        `${service}.write`,
        { action: 'send', channel: { $ref: `#/channels/${service}` }, summary: `\`${service}\` writes its events.` },
      ]),
    ),
    components: { messages: Object.fromEntries(messages), schemas: schemas.components },
  };
}

function messageOf(name: string, schema: z.ZodType, schemas: SchemaWriter): JsonSchema {
  const summary = summaries[name];
  return { name, ...(summary === undefined ? {} : { summary }), headers, payload: schemas.write(schema, 'output') };
}

/** The address is null, because AsyncAPI takes the braces of the Redis key for a parameter. */
function channelOf(service: ServiceName, types: readonly string[]): JsonSchema {
  return {
    address: null,
    title: `Redis stream ${eventStream(service)}`,
    description: `Redis stream \`${eventStream(service)}\``,
    messages: Object.fromEntries(types.map((type) => [type, { $ref: `#/components/messages/${type}` }])),
  };
}

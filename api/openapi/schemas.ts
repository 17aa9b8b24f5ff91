/** From zod schemas to the schemas of the document. */
import { z } from 'zod';

/** A JSON Schema (2020-12), or a part of one. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * Converts schemas; those with an `id` in their metadata are collected as components and referred to. A schema with `inDocument` in its
 * metadata is shown as that instead. `requestExamples` are examples of a body with transformed fields, where zod leaves `examples` out.
 */
export type SchemaWriter = {
  /** @param io `input`: what a client sends; `output`: what the shop answers */
  write(schema: z.ZodType, io: 'input' | 'output'): JsonSchema;
  /** The components met so far, by id. */
  readonly components: Readonly<Record<string, JsonSchema>>;
};

/** Creates a writer with no components yet. */
export function createSchemaWriter(): SchemaWriter {
  const components: Record<string, JsonSchema> = {};

  function write(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const { $defs, $schema: _dialect, ...root } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
    for (const [id, definition] of Object.entries($defs ?? {})) {
      if (!(id in components)) components[id] = tidy(definition, io) as JsonSchema;
    }
    return tidy(root, io) as JsonSchema;
  }

  function tidy(node: unknown, io: 'input' | 'output'): unknown {
    if (Array.isArray(node)) return node.map((each) => tidy(each, io));
    if (typeof node !== 'object' || node === null) return node;
    const { inDocument, requestExamples, ...rest } = node as Record<string, unknown>;
    if (inDocument !== undefined) return inDocument;
    const schema = requestExamples === undefined ? rest : { ...rest, examples: requestExamples };
    const kept = Object.entries(schema).filter(([name, value]) => isKept(name, value, schema, io));
    return Object.fromEntries(kept.map(([name, value]) => [name, tidyMember(name, value, io)]));
  }

  function tidyMember(name: string, value: unknown, io: 'input' | 'output'): unknown {
    if (name === '$ref') return String(value).replace('#/$defs/', '#/components/schemas/');
    return name === 'examples' || name === 'default' ? value : tidy(value, io);
  }

  return { write, components };
}

/**
 * Leaves out what helps no client: zod's patterns for what a format says already, the bounds of safe integers, and that an answer has no
 * further fields, because a later version may add some.
 */
function isKept(name: string, value: unknown, schema: Record<string, unknown>, io: 'input' | 'output'): boolean {
  if (name === 'pattern') return typeof schema.format !== 'string';
  if (name === 'additionalProperties') return io === 'input' || value !== false;
  return !((name === 'minimum' || name === 'maximum') && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER);
}

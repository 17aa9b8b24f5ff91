/** Bodies: JSON in UTF-8, bounded, not compressed; and checks of shape and text that no schema makes. */
import { isUtf8 } from 'node:buffer';
import express, { type Request, type Response } from 'express';
import { type Fault, type Refusal, refuse } from '../core/outcome.ts';

const maxBytes = 100 * 1024;
const maxDepth = 16;
/** Of one object. No schema has more than twenty. */
const maxFields = 200;
/** How many faults of one request are listed. */
export const maxFaults = 100;

/**
 * Reads and parses the body of a request that may have one.
 * @returns the parsed value, `undefined` where there is no body, or the refusal of another content type
 * @throws errors of the parser (too large, broken), which {@link problemOfError} names
 */
export async function readBody(req: Request, res: Response, limit = maxBytes): Promise<unknown> {
  if (req.headers['transfer-encoding'] === undefined && Number(req.headers['content-length'] ?? 0) === 0)
    return undefined;
  const refusal = refuseType(req.headers['content-type']);
  if (refusal !== undefined) return refusal;
  await new Promise<void>((resolve, reject) => {
    parserFor(limit)(req, res, (error?: unknown) => (error ? reject(error) : resolve()));
  });
  return req.body;
}

function refuseType(type = ''): Refusal | undefined {
  const [media = '', ...parameters] = type.split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters
    .find((parameter) => parameter.startsWith('charset='))
    ?.slice(8)
    .replaceAll('"', '');
  if (media === 'application/json' && (charset === undefined || charset === 'utf-8')) return undefined;
  return refuse('unsupported-media-type', 'Send the body as application/json in UTF-8.');
}

const parsers = new Map<number, ReturnType<typeof express.json>>();

function parserFor(limit: number) {
  let parser = parsers.get(limit);
  if (parser === undefined) {
    parser = express.json({ limit, inflate: false, strict: false, type: () => true, verify: requireUtf8 });
    parsers.set(limit, parser);
  }
  return parser;
}

function requireUtf8(_req: unknown, _res: unknown, bytes: Buffer): void {
  if (!isUtf8(bytes)) throw new Error('not UTF-8');
}

/**
 * The fault of a value that is nested deeper or has more fields than any schema allows. Before this check a value must not be walked by
 * recursion, nor field by field: ten thousand unknown fields fit into a body, and would cost 25 ms.
 */
export function faultOfShape(value: unknown): string | undefined {
  const open = [{ value, depth: 0 }];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if (typeof item.value !== 'object' || item.value === null) continue;
    if (item.depth === maxDepth) return 'is nested too deep';
    const inner = Object.values(item.value);
    if (!Array.isArray(item.value) && inner.length > maxFields) return `has more than ${maxFields} fields`;
    for (const value of inner) open.push({ value, depth: item.depth + 1 });
  }
  return undefined;
}

/**
 * Faults that are checked here once instead of in every schema: NUL, lone surrogates (which UTF-8 cannot encode), `__proto__` as a name. The
 * first hundred.
 * @param value without a {@link faultOfShape}
 * @param at the pointer of the value
 */
export function faultsOfText(value: unknown, at = '#'): Fault[] {
  const faults: Fault[] = [];
  const open = [{ at, value }];
  for (let item = open.pop(); item !== undefined && faults.length < maxFaults; item = open.pop()) {
    const { at, value } = item;
    if (typeof value === 'string') {
      const fault = faultOf(value);
      if (fault !== undefined) faults.push({ pointer: at, detail: fault });
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        const hasFaultyName = name === '__proto__' || faultOf(name) !== undefined;
        // Most values are texts or numbers without a fault: they need no pointer.
        if (!hasFaultyName && (typeof inner === 'string' ? faultOf(inner) === undefined : typeof inner !== 'object'))
          continue;
        const pointer = `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1').toWellFormed().slice(0, 100)}`;
        if (hasFaultyName) faults.push({ pointer, detail: 'is not a name of a field' });
        else open.push({ at: pointer, value: inner });
      }
    }
  }
  return faults;
}

function faultOf(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain NUL';
  if (!text.isWellFormed()) return 'must not contain a lone surrogate';
  return undefined;
}

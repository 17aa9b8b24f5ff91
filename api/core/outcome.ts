/** Results of a request: refusals are values, outages throw {@link Unavailable}, anything else thrown is a bug. */
import type { ProblemCode } from './problems.ts';

/** An expected refusal. `extra` becomes members of the problem document; `replayed`: this key was answered so before. */
export type Refusal = {
  readonly kind: 'refused';
  readonly code: ProblemCode;
  readonly detail: string;
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly replayed?: boolean;
};

/** Result of a write; `replayed` if this key was answered before. */
export type Written<T = undefined> = { readonly kind: 'done'; readonly value: T; readonly replayed: boolean };

/** Makes a {@link Written}. */
export function written<T>(value: T, replayed: boolean): Written<T> {
  return { kind: 'done', value, replayed };
}

/** One fault of a request that was well formed but not valid; `pointer` as in RFC 9457 §3.1 (`#/items/0/quantity`), `?name` for a query parameter. */
export type Fault = { readonly pointer: string; readonly detail: string };

/** Makes a {@link Refusal}. */
export function refuse(code: ProblemCode, detail: string, extra?: Readonly<Record<string, unknown>>): Refusal {
  return extra === undefined ? { kind: 'refused', code, detail } : { kind: 'refused', code, detail, extra };
}

/** A 422 that lists every fault. */
export function invalid(errors: readonly Fault[]): Refusal {
  return refuse('validation-failed', 'The request is invalid; errors lists each fault.', { errors });
}

/** Whether a value is a {@link Refusal}. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'refused';
}

/** Thrown when a request that may only repeat a first answer finds none. The caller gets the refusal that it would have got anyway. */
export class NoFirstAnswer extends Error {
  override readonly name = 'NoFirstAnswer';
}

/** Thrown when a result is not certain, or something needed is not available, before the deadline. Becomes a 503: the request may be repeated. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

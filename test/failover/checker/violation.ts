/** What the checker finds. */

/** `lost`: acknowledged and not there. `doubled`: there twice. Everything else that must not be is `wrong`. */
export type Violation = { readonly kind: 'lost' | 'doubled' | 'wrong'; readonly rule: string; readonly what: string };

/** Makes one finding. */
export function violation(kind: Violation['kind'], rule: string, what: string): Violation {
  return { kind, rule, what };
}

/** A line of a purchase: what `purchases` asks `products` for. */
export type Wanted = { readonly productId: string; readonly quantity: number };

/** Each product once, in the order of its first line: two lines of it must not be checked one by one against the same stock. */
export function summed(lines: readonly Wanted[]): Wanted[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

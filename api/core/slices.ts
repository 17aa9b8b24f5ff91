/** Division of work into slices of bounded size. */

/** How many items a slice has at most, and how much they weigh together at most. */
export type SliceBounds = { readonly count: number; readonly weight: number };

/** The items in order, in slices within the bounds; one that exceeds them is alone. Takes an item only when it is asked for it. */
export function* slicesOf<T>(items: Iterable<T>, weigh: (item: T) => number, bounds: SliceBounds): Generator<T[]> {
  let slice: T[] = [];
  let weight = 0;
  for (const item of items) {
    const added = weigh(item);
    if (slice.length === bounds.count || (slice.length > 0 && weight + added > bounds.weight)) {
      yield slice;
      slice = [];
      weight = 0;
    }
    slice.push(item);
    weight += added;
  }
  if (slice.length > 0) yield slice;
}

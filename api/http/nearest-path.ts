/** The route that a client may have meant by a path that does not exist. */

/** Edits of one segment, at most, for it to count as a misspelling. */
const maxEdits = 2;
const longestSegment = 32;

/**
 * Finds the nearest of the paths, by misspelled segments.
 * @param path as the client wrote it
 * @param paths in Express's syntax: `/products/:id/stock`
 * @returns the path as the OpenAPI document writes it, `undefined` when none is near
 */
export function nearestPath(path: string, paths: readonly string[]): string | undefined {
  const given = segmentsOf(path);
  if (given.some((segment) => segment.length > longestSegment + 32)) return undefined;
  let best: { path: string; edits: number } | undefined;
  for (const candidate of paths) {
    const edits = editsBetween(given, segmentsOf(candidate));
    if (edits !== undefined && (best === undefined || edits < best.edits)) best = { path: candidate, edits };
  }
  return best?.path.replace(/:(\w+)/g, '{$1}');
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

/** Edits over all literal segments; `undefined` when the paths are not near, or differ in nothing that can be misspelled. */
function editsBetween(given: readonly string[], candidate: readonly string[]): number | undefined {
  if (given.length !== candidate.length) return undefined;
  let sum = 0;
  for (const [i, expected] of candidate.entries()) {
    if (expected.startsWith(':')) continue;
    const segment = (given[i] ?? '').toLowerCase();
    const edits = segment.length > longestSegment ? maxEdits + 1 : editDistance(segment, expected);
    if (edits > maxEdits) return undefined;
    sum += edits;
  }
  return sum === 0 && given.join('/') === given.join('/').toLowerCase() ? undefined : sum;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      next.push(Math.min((row[j] ?? 0) + (letter === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** What a panel's lines are drawn from, without a page. */

/** The colour of the last threshold that the value has reached. @param {number} value @param {{ value: number | null, color: string }[]} thresholds */
export function colourOf(value, thresholds) {
  return thresholds.findLast((step) => step.value === null || value >= step.value)?.color ?? 'blue';
}

/** Stretches in which a line had the same value. @param {number[][]} points @param {number} stepS */
export function stretchesOf(points, stepS) {
  const stretches = [];
  for (const [when, value] of points) {
    const last = stretches.at(-1);
    if (last?.value === value && when - last.to <= 2 * stepS) last.to = when + stepS;
    else stretches.push({ value, from: when, to: when + stepS });
  }
  return stretches;
}

/**
 * The times at which any line has a value, and one more at the end of each gap: without it the graph would draw a line across.
 * @param {{ points: number[][] }[]} lines @param {number} stepS
 */
export function lineTimes(lines, stepS) {
  const times = [...new Set(lines.flatMap(({ points }) => points.map(([when]) => when)))].sort((a, b) => a - b);
  return times.flatMap((when, i) => (when - (times[i - 1] ?? when) > 1.5 * stepS ? [when - stepS, when] : [when]));
}

/** Each column on top of those after it. @param {(number | null)[][]} columns */
export function stack(columns) {
  const sums = columns[0]?.map(() => 0) ?? [];
  const add = (value, i) => {
    if (value !== null) sums[i] += value;
    return value === null ? null : sums[i];
  };
  return columns
    .toReversed()
    .map((column) => column.map(add))
    .toReversed();
}

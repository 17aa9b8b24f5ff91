/** A flame graph as SVG: width is time, a call lies above its caller. The title of a rectangle, shown by browsers, has its numbers. */
import { escaped } from './chart.ts';
import type { CallNode } from './cpu-profile.ts';

const width = 1200;
const rowHeight = 17;
/** Narrower calls are left out. */
const leastWidth = 1.5;

/** Draws a tree of calls. */
export function flameGraph(title: string, root: CallNode): string {
  const drawn: { depth: number; svg: string }[] = [];
  place(root, 0, 0);
  const depth = Math.max(...drawn.map((each) => each.depth));
  const height = (depth + 2) * rowHeight + 20;
  const rows = drawn.map(
    ({ depth: row, svg }) => `<g transform="translate(0 ${height - (row + 1) * rowHeight - 4})">${svg}</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
<text x="6" y="14" font-size="13">${escaped(title)}</text>
${rows.join('\n')}
</svg>
`;

  function place(node: CallNode, x: number, row: number) {
    const w = (node.totalMicros / root.totalMicros) * width;
    if (w < leastWidth) return;
    const percent = ((100 * node.totalMicros) / root.totalMicros).toFixed(1);
    const label = `${node.name} (${node.package})`;
    const shown = label.slice(0, Math.floor((w - 4) / 6.6));
    drawn.push({
      depth: row,
      svg: `<rect x="${x.toFixed(1)}" width="${(w - 0.5).toFixed(1)}" height="${rowHeight - 1}" fill="${colourOf(node.package)}"><title>${escaped(label)}: ${percent} %</title></rect>${shown.length > 2 ? `<text x="${(x + 2).toFixed(1)}" y="12">${escaped(shown)}</text>` : ''}`,
    });
    let left = x;
    for (const child of [...node.children.values()].sort((a, b) => b.totalMicros - a.totalMicros)) {
      place(child, left, row + 1);
      left += (child.totalMicros / root.totalMicros) * width;
    }
  }
}

/** The shop's own code green, Node.js blue, packages orange, the garbage collector grey. */
function colourOf(owner: string): string {
  if (owner.startsWith('api/')) return '#9ae6b4';
  if (owner === 'garbage collector') return '#cbd5e0';
  return /^(node:|native|the process)/.test(owner) ? '#bee3f8' : '#fbd38d';
}

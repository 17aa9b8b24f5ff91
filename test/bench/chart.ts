/** A bar chart as SVG. */

/** A bar: its length is its share of the longest. */
export type Bar = { readonly label: string; readonly value: number };

const barHeight = 26;
const labelWidth = 330;
const barsWidth = 380;

/** Draws horizontal bars with their values. Colours of text and ground are the reader's. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const longest = Math.max(...bars.map(({ value }) => value));
  const lines = bars.map(({ label, value }, i) => {
    const y = 40 + i * barHeight;
    const width = Math.max(1, (value / longest) * barsWidth).toFixed(0);
    return `<text x="${labelWidth - 8}" y="${y + 13}" text-anchor="end">${escaped(label)}</text>
<rect x="${labelWidth}" y="${y}" width="${width}" height="${barHeight - 8}" fill="#2f855a"/>
<text x="${labelWidth + Number(width) + 6}" y="${y + 13}">${value.toFixed(2)}</text>`;
  });
  const height = 40 + bars.length * barHeight + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${labelWidth + barsWidth + 60} ${height}" font-family="system-ui, sans-serif" font-size="13">
<title>${escaped(title)}</title>
<style>text { fill: #222 } @media (prefers-color-scheme: dark) { text { fill: #eee } }</style>
<text x="8" y="22" font-size="15">${escaped(title)}</text>
${lines.join('\n')}
</svg>
`;
}

/** Text as it stands in XML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
}

/** A runbook as a page: as much of Markdown as the runbooks use, everything else as it stands. */
import { readFileSync } from 'node:fs';

const folder = new URL('../runbooks/', import.meta.url);

/** The page of an alert, or the list of all under `README`; `undefined` if there is none. */
export function runbookPage(name: string): string | undefined {
  if (!/^[A-Za-z0-9]{1,60}$/.test(name)) return undefined;
  let text: string;
  try {
    text = readFileSync(new URL(`${name}.md`, folder), 'utf8');
  } catch {
    return undefined;
  }
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(name)} · Evergreen</title>
<link rel="stylesheet" href="/status/assets/page.css">
</head>
<body class="runbook">
<main>
${htmlOf(text)}
<p><a href="/status">How the shop is</a> · <a href="/status/runbooks/README">All pages</a></p>
</main>
</body>
</html>
`;
}

/** Headings, lists, indented code, tables, paragraphs; inside of them bold, code, links. */
export function htmlOf(markdown: string): string {
  return markdown
    .split(/\n{2,}/)
    .map((block) => {
      const lines = block.split('\n').filter((line) => line !== '');
      const heading = /^(#{1,3}) (.*)/.exec(block);
      if (heading) return `<h${heading[1]?.length}>${inline(heading[2] ?? '')}</h${heading[1]?.length}>`;
      if (lines.every((line) => line.startsWith('    ')))
        return `<pre><code>${escaped(lines.map((line) => line.slice(4)).join('\n'))}</code></pre>`;
      if (lines.every((line) => line.startsWith('- ')))
        return `<ul>${lines.map((line) => `<li>${inline(line.slice(2))}</li>`).join('')}</ul>`;
      if (lines.every((line) => line.startsWith('|'))) return tableOf(lines);
      return lines.length === 0 ? '' : `<p>${inline(lines.join(' '))}</p>`;
    })
    .join('\n');
}

function tableOf([head = '', _line, ...rows]: string[]): string {
  const cells = (row: string, tag: string) =>
    row
      .replace(/^\||\|$/g, '')
      .split('|')
      .map((cell) => `<${tag}>${inline(cell.trim())}</${tag}>`)
      .join('');
  return `<table><tr>${cells(head, 'th')}</tr>${rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')}</table>`;
}

function inline(text: string): string {
  // What is code stays untouched by the rest: odd parts of the split.
  return text
    .split('`')
    .map((part, i) =>
      i % 2 === 1
        ? `<code>${escaped(part)}</code>`
        : escaped(part)
            .replace(/\*\*(.+?)\*\*/g, '<strong>$1</strong>')
            .replace(/\[([^\]]+)\]\((\w+)\.md(#\w+)?\)/g, '<a href="/status/runbooks/$2$3">$1</a>'),
    )
    .join('');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** A runbook as a page. */
import { readFileSync } from 'node:fs';
import { Marked } from 'marked';

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
<link rel="stylesheet" href="/status/assets/runbook.css">
</head>
<body class="runbook">
<main>
${htmlOf(text)}
<p><a href="/status">Status page</a> · <a href="/status/runbooks/README">All runbooks</a></p>
</main>
</body>
</html>
`;
}

const pages = new Marked({
  renderer: {
    heading({ tokens, depth, text }) {
      const id = text
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-')
        .replace(/^-|-$/g, '');
      return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
    },
    /** A runbook links to another, or by https; any other link is shown as its text. */
    link({ href, tokens }) {
      const text = this.parser.parseInline(tokens);
      const [, name, section = ''] = /^(\w+)\.md(#[\w-]+)?$/.exec(href) ?? [];
      if (name !== undefined) return `<a href="/status/runbooks/${name}${section}">${text}</a>`;
      return href.startsWith('https://') ? `<a href="${escaped(href)}">${text}</a>` : text;
    },
    image: ({ text }) => escaped(text),
    html: ({ text }) => escaped(text),
  },
});

/** Markdown as HTML, without any HTML of its own. */
export function htmlOf(markdown: string): string {
  return pages.parse(markdown, { async: false });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

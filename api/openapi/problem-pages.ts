/** The pages about problems: HTML without script, from nothing but what this file has; or the same as JSON. */
import { createHash } from 'node:crypto';
import { type ProblemCode, problems } from '../core/problems.ts';
import { problemExample, problemTexts } from './problem-texts.ts';

const style = `:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.2}h2{font-size:1.1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9rem}
pre{padding:.75rem;border:1px solid;border-radius:.5rem;white-space:pre-wrap}
a{color:LinkText}li{margin:.4rem 0}`;

/** The policy of the pages: their own style, and nothing else. */
export const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(';');

/** A page in both forms. */
type Page = { readonly html: string; readonly json: string };

/** The page of every problem, and under '' the list of all. Made once. */
export function problemPages(): ReadonlyMap<string, Page> {
  const codes = Object.keys(problems) as ProblemCode[];
  return new Map([['', listPage(codes)], ...codes.map((code) => [code, problemPage(code)] as const)]);
}

function listPage(codes: readonly ProblemCode[]): Page {
  const items = codes.map((code) => {
    const [status, title] = problems[code];
    return `<li><a href="/problems/${code}"><code>${code}</code></a> (${status}): ${escapeHtml(title)}</li>`;
  });
  const html = page(
    'Problems',
    `<p>Every refusal of the shop names one of these in <code>type</code>.</p>\n<ul>${items.join('\n')}</ul>`,
  );
  return { html, json: JSON.stringify({ data: codes.map(summary) }) };
}

function problemPage(code: ProblemCode): Page {
  const [status, title] = problems[code];
  const { meaning, action } = problemTexts[code];
  const example = problemExample(code);
  const body = `<p><code>${code}</code>, status ${status}</p>
<h2>What it means</h2><p>${escapeHtml(meaning)}</p>
<h2>What to do</h2><p>${escapeHtml(action)}</p>
<h2>Example</h2><pre>${escapeHtml(JSON.stringify(example, null, 2))}</pre>
<p><a href="/problems">All problems</a> · <a href="/docs">API</a></p>`;
  return { html: page(title, body), json: JSON.stringify({ ...summary(code), meaning, action, example }) };
}

function summary(code: ProblemCode) {
  const [status, title] = problems[code];
  return { type: `/problems/${code}`, code, status, title };
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${body}
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

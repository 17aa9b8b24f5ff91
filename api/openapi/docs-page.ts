/** The interactive API page, `/docs`: Swagger UI (swagger-ui-dist) in a frame of our own. Every file of it comes from the shop. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Text, textOf } from './texts.ts';

/**
 * The policy of the page: nothing from elsewhere, no inline script or style. Swagger UI's icons are `data:` images; it sets single styles by
 * the DOM, which a policy does not restrict.
 */
export const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(';');

const { resolve } = createRequire(import.meta.url);
const own = (name: string) => new URL(`docs/${name}`, import.meta.url);
const sources: Readonly<Record<string, readonly [type: string, path: string | URL]>> = {
  '': ['text/html', own('page.html')],
  'page.css': ['text/css', own('page.css')],
  'page.js': ['text/javascript', own('page.js')],
  'swagger-ui.css': ['text/css', resolve('swagger-ui-dist/swagger-ui.css')],
  'swagger-ui-bundle.js': ['text/javascript', resolve('swagger-ui-dist/swagger-ui-bundle.js')],
  'favicon.png': ['image/png', resolve('swagger-ui-dist/favicon-32x32.png')],
};

/** The files of the page by their name below `/docs/`; the page itself has none. Reads them: call it once. */
export function docsFiles(): ReadonlyMap<string, Text> {
  const read = ([name, [type, path]]: [string, (typeof sources)[string]]) => {
    const content = readFileSync(path);
    // Without the reference to a source map, which is not served: it would be an error in the browser's tools.
    const served = type === 'text/css' ? content.toString().replace(/\/\*# sourceMappingURL=.*?\*\//, '') : content;
    return [name, textOf(type, served)] as const;
  };
  return new Map(Object.entries(sources).map(read));
}

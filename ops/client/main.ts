/**
 * `npm run client`: generates the types of the client again; `npm run client -- FOLDER` puts the client there, ready for use. With `--release`, at a
 * release, it keeps the OpenAPI document with which later ones are compared (test/config/compatibility.test.ts).
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openApiDocument } from '../../api/openapi/document.ts';
import { declaredRoutes } from '../../api/openapi/tables.ts';
import { serviceNames } from '../../api/services.ts';
import { clientTypes } from './generate.ts';

/**
 * @param currency of the shop (ISO 4217), the only one that a price may have
 * @returns the exit code
 */
export async function runClient(projectDir: string, currency: string, args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { release: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [folder] = positionals;
  const routes = await declaredRoutes(serviceNames, currency);
  if (values.release) {
    const { version } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8')) as { version: string };
    const path = join(projectDir, 'api', 'openapi', 'released.json');
    writeFileSync(path, `${JSON.stringify(openApiDocument(routes, version))}\n`);
    console.log(`${path} is the document of version ${version}.`);
    return 0;
  }
  const source = join(projectDir, 'api', 'client');
  const target = folder === undefined ? source : resolve(folder);
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'types.ts'), await clientTypes(openApiDocument(routes, '')));
  if (target !== source) copyFileSync(join(source, 'client.ts'), join(target, 'client.ts'));
  console.log(`The client is in ${target}: import { createClient } from './client.ts', with an example at its head.`);
  return 0;
}

/** `npm run client`: the TypeScript client of the shop, generated from the OpenAPI document. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openApiDocument } from '../../api/openapi/document.ts';
import { declaredRoutes } from '../../api/openapi/tables.ts';
import { serviceNames } from '../../api/services.ts';
import { readCommandLine } from '../command-line.ts';
import { clientTypes } from './generate.ts';

const usage = `npm run client                generates api/client/types.ts again
npm run client -- FOLDER      puts the client into FOLDER, ready for use
npm run client -- --release   at a release: keeps the OpenAPI document with which later versions are compared
                              (test/config/compatibility.test.ts)`;

/**
 * Does what the words ask for.
 * @param currency of the shop (ISO 4217), the only one that a price may have
 * @returns the exit code: 2 when the words make no sense
 */
export async function runClient(projectDir: string, currency: string, words: string[]): Promise<number> {
  const options = { release: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  const given = readCommandLine({ args: words, options, allowPositionals: true }, usage);
  if (typeof given === 'number') return given;
  const { values, positionals } = given;
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

/**
 * Compiles the programs of the shop from TypeScript to JavaScript, once: a process then starts without a loader and with few files to read.
 * Plain JavaScript, because `npm start` and the image's build run it before anything else can read TypeScript.
 */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The programs that are started by name. A tree may lack some: the image has no ops/local. */
const programs = [
  'api/main.ts',
  'monitoring/mailbox/main.ts',
  'monitoring/nginx-exporter/main.ts',
  'monitoring/status/main.ts',
  'ops/local/main.ts',
  'ops/secrets.ts',
];
/** Packages that cannot be part of a bundle: native code, and the compiler itself. */
const external = ['@node-rs/*', 'esbuild'];
/** Compiled trees that are kept. A running shop starts its processes again from its own, although the sources have changed since. */
const keptTrees = 8;

/**
 * The compiled program of a source file, such as `api/main.ts`; any other argument is returned as it is.
 * @param {string} folder of {@link compilePrograms}
 * @param {string} word a word of a command
 * @returns {string}
 */
export function compiledProgram(folder, word) {
  return programs.includes(word) ? join(folder, word.replace(/\.ts$/, '.js')) : word;
}

/**
 * The folder for the compiled programs of these sources. It is named after their content, so that a change of a source, of a package or of
 * this file leads to another folder.
 * @param {string} root the folder that holds api/, monitoring/ and ops/
 * @returns {string}
 */
export function compiledFolder(root) {
  const hash = createHash('sha256').update(root); // paths of assets are part of what is compiled
  const settings = ['package-lock.json', 'tsconfig.json'].map((name) => join(root, name)).filter(existsSync);
  const sources = ['api', 'monitoring', 'ops']
    .map((name) => join(root, name))
    .filter(existsSync)
    .flatMap(filesIn);
  for (const path of [...settings, ...sources]) hash.update(`\0${path}\0`).update(readFileSync(path));
  return join(root, '.compiled', hash.digest('hex').slice(0, 16));
}

/**
 * Compiles the programs below a folder unless that is done already. Calls at the same time, also in other processes, do not disturb each other.
 * @param {string} root the folder that holds api/, monitoring/ and ops/
 * @returns {Promise<string>} the folder of the compiled programs
 */
export async function compilePrograms(root) {
  const folder = compiledFolder(root);
  if (existsSync(folder)) {
    utimesSync(folder, new Date(), new Date()); // the least recently used are removed first
    return folder;
  }
  mkdirSync(dirname(folder), { recursive: true });
  const unfinished = mkdtempSync(`${folder}-`);
  try {
    await compileInto(root, unfinished, folder);
    renameSync(unfinished, folder); // atomic: no process sees half of it
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // otherwise another process was faster
  }
  removeOldTrees(dirname(folder));
  return folder;
}

/** The last compilation in this process: the next waits for it, because `stop` ends the compiler for all. */
let compiling = Promise.resolve();

/**
 * Compiles the programs; the image is built with this.
 * @param {string} root the folder that holds api/, monitoring/ and ops/
 * @param {string} folder for the JavaScript and the assets of api/, at the same paths below it
 * @param {string} runFolder where they are when a program runs
 */
export function compileInto(root, folder, runFolder = folder) {
  const compiled = compiling.then(() => bundle(root, folder, runFolder));
  compiling = compiled.catch(() => {});
  return compiled;
}

/** @param {string} root @param {string} folder @param {string} runFolder */
async function bundle(root, folder, runFolder) {
  const { build, stop } = await import('esbuild');
  try {
    if (existsSync(join(root, 'api'))) {
      cpSync(join(root, 'api'), join(folder, 'api'), { recursive: true, filter: (path) => !path.endsWith('.ts') });
    }
    await build({
      absWorkingDir: root,
      entryPoints: programs.filter((program) => existsSync(join(root, program))),
      outdir: folder,
      outbase: root,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      external,
      // For line numbers in stack traces. Without the text of the sources, which stands beside.
      sourcemap: 'linked',
      sourcesContent: false,
      // CommonJS packages in the bundle call it.
      banner: {
        js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
      },
      plugins: [
        { name: 'own-location', setup: (build) => keepOwnLocation(build, root, runFolder) },
        { name: 'smaller-packages', setup: replaceEntries },
        { name: 'shared-length-of-pipelines', setup: shareLengthOfPipelines },
        { name: 'coarse-maps-of-packages', setup: coarsenMapsOfPackages },
      ],
      logLevel: 'warning',
    });
  } finally {
    await stop();
  }
}

/**
 * Assets are found by the place of the source that names them. Those of api/ are copied, so that a process that is started again after a change
 * of the sources does not run the new Lua scripts from the old program. Other programs find theirs beside the source.
 * @param {import('esbuild').PluginBuild} build
 * @param {string} root
 * @param {string} runFolder
 */
function keepOwnLocation(build, root, runFolder) {
  build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
    const below = relative(root, path);
    const url = JSON.stringify(pathToFileURL(/^api\//.test(below) ? join(runFolder, below) : path).href);
    return { loader: 'ts', contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url) };
  });
}

/** Entries of packages that load much which nothing here uses: together some 18 MB in each process. */
const smallerEntries = [
  {
    // Without fetch, WebSocket and caches. Pool inherits request() from Dispatcher.
    filter: /\/node_modules\/undici\/index\.js$/,
    contents: `const Dispatcher = require('./lib/dispatcher/dispatcher.js');
      Object.assign(Dispatcher.prototype, require('./lib/api'));
      exports.Pool = require('./lib/dispatcher/pool.js');`,
  },
  // Without the messages in 50 other languages.
  { filter: /\/node_modules\/zod\/v4\/locales\/index\.js$/, contents: "export { default as en } from './en.js';" },
];

/** @param {import('esbuild').PluginBuild} build */
function replaceEntries(build) {
  for (const { filter, contents } of smallerEntries) build.onLoad({ filter }, () => ({ contents }));
}

/**
 * In ioredis 6.0.0 each pipeline defines `length` by a getter of its own. V8 then keeps a fifth of all pipelines, with the requests that waited for them,
 * until a full garbage collection. Here the class has the getter.
 * @param {import('esbuild').PluginBuild} build
 */
function shareLengthOfPipelines(build) {
  build.onLoad({ filter: /\/node_modules\/ioredis\/built\/Pipeline\.js$/ }, ({ path }) => {
    const own = /const _this = this;\s+Object\.defineProperty\(this, "length", \{.*?\n {8}\}\);\s+\}/s;
    const source = readFileSync(path, 'utf8');
    const contents = source.replace(own, '}\n    get length() {\n        return this._queue.length;\n    }');
    if (contents === source) throw new Error(`${path} has changed: see whether its pipelines still define length each`);
    return { contents };
  });
}

/** All of a file comes from the first line of its source. */
const coarseMap = Buffer.from('{"version":3,"sources":[""],"mappings":"AAAA"}').toString('base64');

/**
 * Source maps name the file of a package, without its lines: with them api/main.js had a map of 385 kB. Node.js 20 parses the whole map of a file again
 * for each error whose stack it writes, also for one that only closes an idle connection: 50 ms in which the process answers no request.
 * @param {import('esbuild').PluginBuild} build
 * @see https://github.com/evanw/esbuild/issues/1685
 */
function coarsenMapsOfPackages(build) {
  build.onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, ({ path }) => ({
    contents: `${readFileSync(path, 'utf8')}\n//# sourceMappingURL=data:application/json;base64,${coarseMap}`,
    loader: 'default',
  }));
}

/** @param {string} folder @returns {string[]} */
function filesIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : [])).sort();
}

/** @param {string} folder */
function removeOldTrees(folder) {
  const trees = readdirSync(folder).map((name) => join(folder, name));
  const age = new Map(trees.map((path) => [path, statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0]));
  const oldestLast = trees.sort((a, b) => (age.get(b) ?? 0) - (age.get(a) ?? 0));
  for (const path of oldestLast.slice(keptTrees)) rmSync(path, { recursive: true, force: true });
}

// The command line for developing the shop: `test`, `chaos`, `bench`, `client`, `fuzz`. These need what only the repository has.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installMissing, packages } from './programs.ts';
import { withSystemFolders } from './settings.ts';

const projectDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const path = withSystemFolders(process.env.PATH ?? '');

const [command, ...rest] = process.argv.slice(2);
process.exit(await run());

async function run(): Promise<number> {
  switch (command) {
    case 'test': {
      const { runTests } = await import('./test.ts');
      return await runTests(projectDir, process.env, rest);
    }
    case 'chaos': {
      if (rest[0] === 'model') {
        const { runModel } = await import('../../test/model/main.ts');
        return runModel(rest.slice(1));
      }
      if (!installMissing(projectDir, path, packages.shop)) return 1;
      const { runChaos } = await import('../../test/failover/main.ts');
      return await runChaos(rest);
    }
    case 'bench': {
      if (!installMissing(projectDir, path, packages.bench)) return 1;
      const { runBenches } = await import('../../test/bench/main.ts');
      return await runBenches(rest);
    }
    case 'fuzz': {
      if (!installMissing(projectDir, path, packages.shop)) return 1;
      const { runFuzz } = await import('../../test/fuzz/main.ts');
      return await runFuzz(rest);
    }
    case 'client': {
      const { runClient } = await import('../client/main.ts');
      return await runClient(projectDir, process.env.SHOP_CURRENCY || 'USD', rest);
    }
    default:
      throw new Error(`bootstrap.mjs has no command '${command}' for this file`);
  }
}

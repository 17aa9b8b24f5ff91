/** The command lines of `npm run …`: options, operands, `--help`. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/**
 * Reads a command line.
 * @param config of `parseArgs`; with the option `help`, that prints the usage
 * @returns what was given, or the exit code where nothing is left to do: 0 after `--help`, 2 after an unknown option
 */
export function readCommandLine<T extends ParseArgsConfig>(
  config: T,
  usage: string,
  say: { log(text: string): void; error(text: string): void } = console,
): ReturnType<typeof parseArgs<T>> | number {
  try {
    const given = parseArgs(config);
    if (!('help' in given.values)) return given;
    say.log(usage);
    return 0;
  } catch (error) {
    const [fault] = (error as Error).message.split('. '); // a hint about `--` follows, for arguments that begin with a dash
    say.error(`${fault}.\n\n${usage}`);
    return 2;
  }
}

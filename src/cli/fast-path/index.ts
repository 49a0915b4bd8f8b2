import { expiryWarning } from '../../certs/expiry-warning.js';
import type { LocalName } from '../command-line.js';
import { exitCodeFor, exitCodes } from '../exit-codes.js';
import { documentFormatIn, openOutput } from '../output.js';
import { printError, printWarning } from '../print-error.js';
import { config, configFlags } from './print-config.js';
import { env, envFlags } from './print-env.js';
import { url, urlFlags } from './print-url.js';
import { type FlagDefinitions, type Local, type LocalResult, normalizeLine, openLocal } from './records.js';

interface LocalCommand {
  /** Without the global flags. */
  flags: FlagDefinitions;
  answer(argv: readonly string[]): Promise<LocalResult>;
}

const commands: Readonly<Record<LocalName, LocalCommand>> = {
  env: localCommand('env', envFlags, env),
  config: localCommand('config', configFlags, config),
  url: localCommand('url', urlFlags, url),
};

function localCommand<T extends FlagDefinitions>(
  name: LocalName,
  flags: T,
  answer: (local: Local<T>) => Promise<LocalResult>,
): LocalCommand {
  return { flags, answer: async (argv) => answer(await openLocal(argv, flags, name)) };
}

/**
 * Runs `env`, `config` or `url` without the command framework, drivers and SSH, as every new shell
 * may call them. The build makes one file of this with its own error classes (esbuild.config.js),
 * so no error may leave it.
 * @returns the exit code
 */
export async function runLocal(command: LocalName, typed: readonly string[]): Promise<number> {
  const { flags, answer } = commands[command];
  let argv = typed;
  try {
    argv = normalizeLine(typed, flags);
    const { text, document, cluster, output } = await answer(argv);
    const { render } = await openOutput(output);
    process.stdout.write(`${render ? render(document) : text}\n`);
    const warning = await expiryWarning(cluster);
    if (warning !== undefined) printWarning(warning);
    return exitCodes.ok;
  } catch (error) {
    const debug = argv.includes('--debug') || argv.includes('-D');
    await printError(error, { debug, format: documentFormatIn(argv) });
    return exitCodeFor(error);
  }
}

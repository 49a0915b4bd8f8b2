import { expiryWarning } from '../../certs/expiry-warning.js';
import type { LocalName } from '../command-line.js';
import { exitCodeFor, exitCodes } from '../exit-codes.js';
import { describeError, printError, printWarning } from '../print-error.js';
import { config, configFlags } from './print-config.js';
import { env, envFlags } from './print-env.js';
import { url } from './print-url.js';
import { type FlagDefinitions, type LocalAnswer, plainLine } from './records.js';

interface LocalCommand {
  /** Its own, beside those that all have. */
  flags: FlagDefinitions;
  answer: (argv: readonly string[]) => Promise<LocalAnswer>;
}

const commands: Readonly<Record<LocalName, LocalCommand>> = {
  env: { flags: envFlags, answer: env },
  config: { flags: configFlags, answer: config },
  url: { flags: {}, answer: url },
};

/**
 * Runs `env`, `config` or `url`. Every new shell may ask them, so they do without the command framework, drivers and SSH, and
 * answer from the records alone; their help and completion come from the framework all the same.
 *
 * The build makes one file of it (esbuild.config.js). That has classes of errors of its own, so no error leaves it.
 * @returns the exit code
 */
export async function runLocal(command: LocalName, typed: readonly string[]): Promise<number> {
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const { flags, answer } = commands[command];
  let argv = typed;
  try {
    argv = plainLine(typed, flags);
    const { text, document, cluster } = await answer(argv);
    print(argv.includes('--json') ? JSON.stringify(document, null, 2) : text);
    const warning = await expiryWarning(cluster);
    if (warning !== undefined) printWarning(warning);
    return exitCodes.ok;
  } catch (error) {
    if (argv.includes('--json') && error instanceof Error)
      print(JSON.stringify(describeError(error), null, 2));
    else printError(error, { debug: argv.includes('--debug') || argv.includes('-D') });
    return exitCodeFor(error);
  }
}

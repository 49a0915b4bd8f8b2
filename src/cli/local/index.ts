import type { LocalName } from '../command-line.js';
import { describeError, printError } from '../errors.js';
import { exitCodeFor, exitCodes } from '../exit-codes.js';
import { config } from './config.js';
import { env } from './env.js';
import type { LocalAnswer } from './local.js';
import { url } from './url.js';

const answers: Readonly<Record<LocalName, (argv: readonly string[]) => Promise<LocalAnswer>>> = {
  env,
  config,
  url,
};

/**
 * Runs `env`, `config` or `url`. Every new shell may ask them, so they do without the command framework, drivers and SSH, and
 * answer from the records alone; their help and completion come from the framework all the same.
 *
 * The build makes one file of it (esbuild.config.js). That has classes of errors of its own, so no error leaves it.
 * @returns the exit code
 */
export async function runLocal(command: LocalName, argv: readonly string[]): Promise<number> {
  const json = argv.includes('--json');
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  try {
    const { text, document } = await answers[command](argv);
    print(json ? JSON.stringify(document, null, 2) : text);
    return exitCodes.ok;
  } catch (error) {
    if (json && error instanceof Error) print(JSON.stringify(describeError(error), null, 2));
    else printError(error, { debug: argv.includes('--debug') || argv.includes('-D') });
    return exitCodeFor(error);
  }
}

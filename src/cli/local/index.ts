import type { LocalName } from '../command-line.js';
import { describeError } from '../errors.js';
import { exitCodeFor, exitCodes } from '../exit-codes.js';
import type { LocalAnswer } from './local.js';

const answers: Readonly<Record<LocalName, () => Promise<(argv: readonly string[]) => Promise<LocalAnswer>>>> =
  {
    env: async () => (await import('./env.js')).env,
    config: async () => (await import('./config.js')).config,
    url: async () => (await import('./url.js')).url,
  };

/**
 * Runs `env`, `config` or `url`. Every new shell may ask them, so they do without the command framework, drivers and SSH, and
 * answer from the records alone; their help and completion come from the framework all the same.
 * @returns the exit code
 */
export async function runLocal(command: LocalName, argv: readonly string[]): Promise<number> {
  const json = argv.includes('--json');
  try {
    const answer = await answers[command]();
    const { text, document } = await answer(argv);
    process.stdout.write(`${json ? JSON.stringify(document, null, 2) : text}\n`);
    return exitCodes.ok;
  } catch (error) {
    if (!json || !(error instanceof Error)) throw error;
    process.stdout.write(`${JSON.stringify(describeError(error), null, 2)}\n`);
    return exitCodeFor(error);
  }
}

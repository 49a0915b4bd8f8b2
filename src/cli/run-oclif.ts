import { Config, run } from '@oclif/core';
import { UsageError } from '../base/errors.js';
import { type FlagEntry, globalFlags, outputFlags } from './global-flags.js';
import { exitOnOutputErrors } from './output-errors.js';
import { suggestCommand } from './suggest-command.js';

/**
 * @returns the exit code that the command has set, if any
 * @throws UsageError for an unknown command
 */
export async function runCommand(argv: readonly string[], root: string): Promise<number | undefined> {
  exitOnOutputErrors();
  const config = await Config.load(root);
  try {
    await run([...argv], config);
  } catch (error) {
    throw asUnknownCommand(error, argv, config);
  }
  return process.exitCode as number | undefined;
}

function asUnknownCommand(error: unknown, argv: readonly string[], config: Config): unknown {
  if (!(error instanceof Error && /^command .+ not found\.?$/is.test(error.message))) return error;
  const words = withoutFlags(argv);
  const commands = config.commandIDs.map((command) => command.replaceAll(':', ' '));
  const known = [2, 1].find((count) => commands.includes(words.slice(0, count).join(' ')));
  if (known !== undefined)
    return new UsageError(`unexpected argument: ${words.slice(known).join(' ')}`, {
      hint: `belt ${words.slice(0, known).join(' ')} --help`,
    });
  const hint = `belt ${suggestCommand(argv, commands) || '--help'}`;
  const [first = ''] = words;
  const [flag = ''] = argv[0]?.split('=') ?? [];
  if (first === '')
    return new UsageError(isGlobal(flag) ? 'no command specified' : `unknown flag: ${flag}`, { hint });
  const isTopic = commands.some((command) => command.startsWith(`${first} `));
  return new UsageError(`"${words.slice(0, isTopic ? 2 : 1).join(' ')}" is not a belt command`, { hint });
}

function withoutFlags(words: readonly string[]): readonly string[] {
  const flag = words.findIndex((word) => word.startsWith('-'));
  return flag === -1 ? words : words.slice(0, flag);
}

function isGlobal(flag: string): boolean {
  const flags = Object.entries<FlagEntry>({ ...globalFlags, ...outputFlags });
  return flags.some(([name, { short }]) => flag === `--${name}` || flag === `-${short}`);
}

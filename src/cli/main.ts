import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCommandLine } from './command-line.js';
import { printError } from './errors.js';
import { exitCodeFor, exitCodes } from './exit-codes.js';

/** @param url of bin/run.js */
export async function main(argv: readonly string[], url: string): Promise<void> {
  const root = dirname(dirname(fileURLToPath(url)));
  try {
    process.exitCode = await run(argv, root);
  } catch (error) {
    printError(error, { debug: argv.includes('--debug') || argv.includes('-D') });
    process.exitCode = exitCodeFor(error);
  }
}

async function run(argv: readonly string[], root: string): Promise<number | undefined> {
  const line = readCommandLine(argv);
  if (line.kind === 'passthrough') {
    const { runPassthrough } = await import('./passthrough/index.js');
    return runPassthrough(line.command, { ...line, root });
  }
  if (line.kind === 'local') {
    const { runLocal } = await import('./local/index.js');
    return runLocal(line.command, line.argv);
  }
  if (line.kind === 'complete') {
    const { runComplete } = await import('./completion/index.js');
    await runComplete(line.words, root);
    return exitCodes.ok;
  }
  if (line.kind === 'version') {
    const { versionLine } = await import('./version.js');
    process.stdout.write(`${versionLine(root)}\n`);
    return exitCodes.ok;
  }
  const { runCommand } = await import('./framework.js');
  return runCommand(line.argv, root);
}

import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explainSystemError, explanationOf } from '../base/errors.js';
import { disableColors, findProgram, readEnvironment } from '../state/environment.js';
import { safeMessage } from '../ui/safe-text.js';
import { readCommandLine } from './command-line.js';
import { exitCodeFor, exitCodes } from './exit-codes.js';
import { exitOnOutputErrors } from './output-errors.js';

/** @param url of bin/run.js */
export async function main(argv: readonly string[], url: string): Promise<void> {
  exitOnOutputErrors();
  // Thrown by an event handler, or by a promise that nothing awaits.
  process.on('uncaughtException', async (error) => {
    await fail(error, argv);
    process.exit();
  });
  const root = dirname(dirname(fileURLToPath(url)));
  try {
    process.exitCode = await run(argv, root);
  } catch (error) {
    await fail(error, argv);
  }
}

async function fail(error: unknown, argv: readonly string[]): Promise<void> {
  process.exitCode = exitCodeFor(error);
  // Without a free file descriptor, no further code can be loaded.
  await report(error, argv).catch(() =>
    process.stderr.write(`error: ${safeMessage(explanationOf(explainSystemError(error)))}\n`),
  );
}

async function report(error: unknown, argv: readonly string[]): Promise<void> {
  const [{ printError }, { documentFormatIn }] = await Promise.all([
    import('./print-error.js'),
    import('./output.js'),
  ]);
  const words = withoutTail(argv);
  await printError(error, {
    debug: words.includes('--debug') || words.includes('-D'),
    format: documentFormatIn(words),
  });
}

/** Without the arguments of another program. */
function withoutTail(argv: readonly string[]): readonly string[] {
  try {
    const line = readCommandLine(argv);
    return line.kind === 'passthrough' ? argv.slice(0, argv.length - line.tail.length) : argv;
  } catch {
    return argv;
  }
}

function isColorless(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end === -1 ? undefined : end).includes('--no-color');
}

async function run(argv: readonly string[], root: string): Promise<number | undefined> {
  const line = readCommandLine(argv);
  if (isColorless(line.kind === 'passthrough' ? argv.slice(0, -line.tail.length || undefined) : argv))
    disableColors();
  if (line.kind === 'passthrough') {
    if (line.command === 'docker' && (await findProgram('docker', readEnvironment()))) {
      const { dockerAtPort } = await import('./fast-path/docker.js');
      const code = await dockerAtPort(line.flags, line.tail);
      if (code !== undefined) return code;
    }
    const { runPassthrough } = await import('./passthrough/index.js');
    return runPassthrough(line.command, { ...line, root });
  }
  if (line.kind === 'local') {
    const { runLocal } = await import('./fast-path/index.js');
    return runLocal(line.command, line.argv);
  }
  if (line.kind === 'complete') {
    const { runComplete } = await import('./completion/index.js');
    await runComplete(line.words, root);
    return exitCodes.ok;
  }
  if (line.kind === 'version') {
    const { versionLine } = await import('./version-line.js');
    process.stdout.write(`${versionLine(root)}\n`);
    return exitCodes.ok;
  }
  const { runCommand } = await import('./run-oclif.js');
  return runCommand(line.argv, root);
}

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Completion } from './complete.js';

/** For a person who waits for the shell. */
const timeoutMs = 3_000;

function outputOf(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: timeoutMs }, (error, stdout) =>
      resolve(error ? undefined : stdout),
    );
    child.stdin?.on('error', () => {}).end();
  });
}

/** Runs this belt. @returns undefined if it fails */
function outputOfBelt(args: readonly string[], root: string): Promise<string | undefined> {
  return outputOf(process.execPath, [join(root, 'bin/run.js'), ...args]);
}

/** @param globals flags that select the cluster */
export async function serviceNames(globals: readonly string[], root: string): Promise<string[]> {
  const output = await outputOfBelt([...globals, 'docker', 'service', 'ls', '--format', '{{.Name}}'], root);
  return output?.split('\n').filter(Boolean) ?? [];
}

/** Completes with the active machine's engine, else without one. @param own with the command at the end */
export async function completeDocker(
  own: readonly string[],
  words: readonly string[],
  root: string,
): Promise<Completion> {
  const [command = '', ...flags] = moveCommandFirst(own);
  const args = ['__complete', ...(command === 'docker' ? [] : [command]), ...words];
  const output =
    (await outputOfBelt([...flags, 'docker', ...args], root)) ?? (await outputOf('docker', args)) ?? '';
  return readCobraCompletion(output);
}

function moveCommandFirst(own: readonly string[]): string[] {
  const index = own.findIndex((word) => ['docker', 'compose', 'stack'].includes(word));
  return [own[index] ?? '', ...own.slice(0, index), ...own.slice(index + 1)];
}

/** @see https://github.com/spf13/cobra/blob/main/site/content/completions/_index.md */
export function readCobraCompletion(output: string): Completion {
  const lines = output.trimEnd().split('\n');
  const directive = Number(/^:(\d+)$/.exec(lines.pop() ?? '')?.[1] ?? 1);
  const [failed, noFiles] = [1, 4];
  if (directive & failed) return { candidates: new Map(), files: false };
  const candidates = new Map(
    lines
      .filter((line) => line !== '' && !line.startsWith('_activeHelp_ '))
      .map((line) => {
        const [value = '', ...text] = line.split('\t');
        return [value, text.join(' ')];
      }),
  );
  return { candidates, files: !(directive & noFiles) };
}

import { readFile } from 'node:fs/promises';
import { run } from './host-program.js';

interface Mount {
  point: string;
  type: string;
  options: string[];
}

/** Of this process's namespace, see proc_pid_mountinfo(5). */
export async function readMounts(): Promise<Mount[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseMount);
}

/** Innermost first; busy mounts detach lazily. */
export async function unmountBelow(folder: string): Promise<void> {
  const points = (await readMounts()).map(({ point }) => point);
  for (const point of points.reverse()) {
    if (point === folder || point.startsWith(`${folder}/`)) await run('umount', ['--lazy', point]);
  }
}

function parseMount(line: string): Mount {
  const [before = '', after = ''] = line.split(' - ');
  const [type = '', , options = ''] = after.split(' ');
  return { point: unescapeOctal(before.split(' ')[4] ?? ''), type, options: options.split(',') };
}

/** Spaces and some other characters are escaped as `\040`. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

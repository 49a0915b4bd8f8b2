import { join } from 'node:path';
import { templatesIn } from '../../base/templates.js';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The script calls this belt by its path. @param root folder of the belt package */
export function completionScript(shell: Shell, root: string): Promise<string> {
  const program = join(root, 'bin/run.js').replaceAll("'", "'\\''");
  return templatesIn(join(root, 'templates')).render(`completion/${shell}`, { program: `'${program}'` });
}

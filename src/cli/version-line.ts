import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In docker-machine's form, which scripts parse. @param root folder of the belt package */
export function versionLine(root: string): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return `belt version ${version}`;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In the form of docker-machine's, which scripts cut the number out of. @param root the folder of belt's own package.json */
export function versionLine(root: string): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return `belt version ${version}`;
}

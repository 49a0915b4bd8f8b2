import { createHash } from 'node:crypto';
import { closest } from '../../base/closest.js';
import { UserError } from '../../base/errors.js';
import type { Templates } from '../../base/templates.js';

/** How a base image is built. */
export interface ImageRecipe {
  name: string;
  /** Debian's code name. */
  suite: string;
  packages: readonly string[];
  /** Runs in the new image. */
  tuning: string;
  /** Written to the image: path relative to its root -> text. */
  files: Readonly<Record<string, string>>;
  /** A hash of the above. */
  hash: string;
}

const common = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'openssh-server',
  'iproute2',
  'iptables',
  'ca-certificates',
  'curl',
  'sudo',
  'procps',
  'busybox-static',
  'docker.io',
];

/** The default first. In Debian 12 the client is part of docker.io. */
const definitions: Readonly<Record<string, { suite: string; packages: readonly string[] }>> = {
  'debian-13': { suite: 'trixie', packages: [...common, 'docker-cli'] },
  'debian-12': { suite: 'bookworm', packages: common },
};

export const imageNames: readonly string[] = Object.keys(definitions);

/** @throws UserError for a name that belt cannot build */
export function requireImage(name: string): (typeof definitions)[string] {
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (definition) return definition;
  const meant = closest(name, imageNames);
  throw new UserError(`unknown image "${name}"`, {
    hint: `${meant ? `did you mean ${meant}? images: ` : 'one of the images '}${imageNames.join(', ')}`,
  });
}

/** @throws UserError as `requireImage` */
export async function recipeOf(name: string, templates: Templates): Promise<ImageRecipe> {
  const definition = requireImage(name);
  const parts = {
    name,
    ...definition,
    tuning: await templates.render('nspawn/tune.sh'),
    files: { 'etc/ssh/sshd_config.d/belt.conf': await templates.render('nspawn/sshd.conf') },
  };
  return { ...parts, hash: createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8) };
}

import { createHash } from 'node:crypto';
import { nameHint } from '../../base/closest.js';
import { UserError } from '../../base/errors.js';
import type { Templates } from '../../base/templates.js';

export interface ImageRecipe {
  name: string;
  suite: string;
  packages: readonly string[];
  tuning: string;
  files: Readonly<Record<string, string>>;
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

export function requireImage(name: string): (typeof definitions)[string] {
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (definition) return definition;
  throw new UserError(`unknown image "${name}"`, { hint: nameHint(name, imageNames) });
}

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

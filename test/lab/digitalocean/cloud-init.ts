import { parse } from 'yaml';

type Command = string | string[];

interface CloudConfig {
  bootcmd?: Command[];
  runcmd?: Command[];
  ssh_authorized_keys?: string[];
}

/**
 * The small part of cloud-init that a droplet needs here. Reads user data (a `#cloud-config` or a
 * MIME document that contains one) and returns what runs before the SSH server starts (`bootcmd`),
 * the authorized keys, and scripts. digitalocean-cloud-init.test.ts covers the real cloud-init.
 * @see https://docs.cloud-init.io/en/latest/explanation/format.html
 * @returns shell scripts, in order
 */
export function earlyCommands(userData: string): string[] {
  const parts = partsOf(userData);
  const configs = parts.filter((part) => part.startsWith('#cloud-config'));
  const early = configs.flatMap((config) => {
    const { bootcmd = [], ssh_authorized_keys: keys = [] } = parse(config) as CloudConfig;
    return [...bootcmd.map(lineOf), ...keys.map((key) => `echo ${quote(key)} >> /root/.ssh/authorized_keys`)];
  });
  const scripts = parts.filter((part) => part.startsWith('#!')).map((part) => `/bin/sh -c ${quote(part)}`);
  return [...early, ...scripts];
}

/**
 * What runs at the end of the boot (`runcmd`), while the SSH server already runs.
 * @returns shell scripts, in order
 */
export function lateCommands(userData: string): string[] {
  const configs = partsOf(userData).filter((part) => part.startsWith('#cloud-config'));
  return configs.flatMap((config) => ((parse(config) as CloudConfig).runcmd ?? []).map(lineOf));
}

function lineOf(command: Command): string {
  return typeof command === 'string' ? command : command.map(quote).join(' ');
}

function partsOf(userData: string): string[] {
  const [, boundary] = /^Content-Type: multipart\/mixed; boundary="([^"]+)"/.exec(userData) ?? [];
  if (boundary === undefined) return [userData];
  return userData
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => Buffer.from(part.slice(part.indexOf('\n\n')), 'base64').toString());
}

/** Quotes a word as cloud-init does. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf, UserError } from '../../base/errors.js';
import type { Templates } from '../../base/templates.js';
import type { CreateRequest } from '../driver.js';
import { firstBootCommands } from '../kit/first-boot.js';

/** DigitalOcean's limit. */
const mostBytes = 64 * 1024;

/** The person's own user data. @throws UserError when it cannot be read */
export async function readUserData(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UserError(`the user data cannot be read: ${messageOf(error)}`);
  }
}

interface UserDataOptions {
  user: string;
  own?: string | undefined;
  engineAtFirstBoot?: boolean;
}

/**
 * User data for the droplets of one call: their host keys and the key that belt logs in with, and then what the person wants.
 * @param options `user` is whom belt logs in as; `own` is the person's own user data
 * @throws UserError when it is more than DigitalOcean takes
 */
export async function userDataFor(
  requests: readonly CreateRequest[],
  options: UserDataOptions,
  templates: Templates,
): Promise<string> {
  const { own } = options;
  const config = await cloudConfig(requests, options, templates);
  const all = own === undefined ? config : multipart(config, own);
  if (Buffer.byteLength(all) <= mostBytes) return all;
  throw new UserError(
    `the user data has ${Buffer.byteLength(all)} bytes with belt's part; DigitalOcean takes ${mostBytes}`,
    { hint: 'make the file smaller, or have it fetch the rest' },
  );
}

/** JSON is YAML. cloud-init is kept from making host keys of its own, and from locking root out where belt logs in as root. */
async function cloudConfig(
  requests: readonly CreateRequest[],
  options: UserDataOptions,
  templates: Templates,
): Promise<string> {
  const keys = requests.map(keyOf).join('\n');
  const script = await templates.render('digitalocean/first-boot.sh', { keys });
  const runcmd = firstBootCommands(requests, options);
  const authorizedKeys = requests.map(({ ssh }) => ssh.authorizedKey);
  const config = {
    ssh_deletekeys: false,
    ssh_genkeytypes: ['ed25519'],
    ssh_authorized_keys: [...new Set(authorizedKeys)],
    ...(options.user === 'root' && { disable_root: false }),
    bootcmd: [['/bin/sh', '-c', script]],
    ...(runcmd.length > 0 && { runcmd }),
  };
  return `#cloud-config\n${JSON.stringify(config, null, 1)}\n`;
}

function keyOf({ name, ssh: { hostKey } }: CreateRequest): string {
  return `${name.toLowerCase()}) public='${hostKey.publicKey}' private='${hostKey.privateKey.trimEnd()}' ;;`;
}

/** Lists of both are put together, belt's first; of other settings the person's win. Source: cloud-init's "Merging user-data sections". */
function multipart(config: string, own: string): string {
  const boundary = `belt-${randomUUID()}`;
  const parts = [
    partOf(own),
    part(config, 'text/cloud-config', ['Merge-Type: list(prepend)+dict(no_replace,recurse_list)+str()']),
  ];
  const head = `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n`;
  return `${head}\n${parts.map((text) => `--${boundary}\n${text}\n`).join('')}--${boundary}--\n`;
}

/** A multipart document goes in as it is; of plain text cloud-init finds out by itself what it is. */
function partOf(own: string): string {
  return /^(content-type|mime-version):/i.test(own) ? own : part(own, 'text/plain', []);
}

function part(text: string, type: string, headers: readonly string[]): string {
  const encoded = Buffer.from(text).toString('base64').replaceAll(/.{76}/g, '$&\n');
  return [
    `Content-Type: ${type}; charset="utf-8"`,
    'MIME-Version: 1.0',
    'Content-Transfer-Encoding: base64',
    ...headers,
    '',
    encoded,
  ].join('\n');
}

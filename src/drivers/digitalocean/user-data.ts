import { randomUUID } from 'node:crypto';
import { messageOf, UserError } from '../../base/errors.js';
import { readBoundedFile } from '../../base/size-limit.js';
import type { Templates } from '../../base/templates.js';
import type { CreateRequest } from '../driver.js';
import { firstBootCommands } from '../kit/first-boot.js';

const maxBytes = 64 * 1024;

export async function readUserData(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readBoundedFile(path);
  } catch (error) {
    throw new UserError(`cannot read the user data: ${messageOf(error)}`);
  }
}

interface UserDataOptions {
  user: string;
  own?: string | undefined;
  engineAtFirstBoot?: boolean;
}

/** @param options `own`: the user's own user data. @throws UserError above DigitalOcean's limit */
export async function userDataFor(
  requests: readonly CreateRequest[],
  options: UserDataOptions,
  templates: Templates,
): Promise<string> {
  const { own } = options;
  const config = await cloudConfig(requests, options, templates);
  const all = own === undefined ? config : multipart(config, own);
  if (Buffer.byteLength(all) <= maxBytes) return all;
  throw new UserError(
    `the user data has ${Buffer.byteLength(all)} bytes with belt's part; DigitalOcean accepts ${maxBytes}`,
    { hint: 'make the file smaller, or let it download the rest' },
  );
}

/** Keeps cloud-init from generating host keys, and from disabling root if belt logs in as root. */
async function cloudConfig(
  requests: readonly CreateRequest[],
  options: UserDataOptions,
  templates: Templates,
): Promise<string> {
  const keys = requests.map(shellCase).join('\n');
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

function shellCase({ name, ssh: { hostKey } }: CreateRequest): string {
  return `${name.toLowerCase()}) public='${hostKey.publicKey}' private='${hostKey.privateKey.trimEnd()}' ;;`;
}

/** Lists are merged, belt's first; other settings of the user win (cloud-init's merging rules). */
function multipart(config: string, own: string): string {
  const boundary = `belt-${randomUUID()}`;
  const parts = [
    userPart(own),
    part(config, 'text/cloud-config', ['Merge-Type: list(prepend)+dict(no_replace,recurse_list)+str()']),
  ];
  const head = `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n`;
  return `${head}\n${parts.map((text) => `--${boundary}\n${text}\n`).join('')}--${boundary}--\n`;
}

/** A multipart document stays as it is; cloud-init detects the type of plain text. */
function userPart(own: string): string {
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

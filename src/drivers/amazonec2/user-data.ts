import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { UserError } from '../../base/errors.js';
import type { Templates } from '../../base/templates.js';
import type { CreateRequest } from '../driver.js';
import { runcmdLine } from '../kit/first-boot.js';

/** Most that EC2 takes, before base64. @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html */
export const mostBytes = 16 * 1024;

/** Machines of one call. Their keys are random and hardly shrink: about 230 bytes a machine, so this leaves a person's own user data 2 KB. */
export const machinesPerCall = 60;

/**
 * What the machines of one call get, in the order of their launch numbers: a cloud-config, gzipped, which cloud-init undoes.
 * @param options `own` is the person's own user data, as text
 * @throws UserError when both together are too long
 */
export async function userDataFor(
  requests: readonly CreateRequest[],
  options: { own?: string | undefined; engineAtFirstBoot?: boolean },
  templates: Templates,
): Promise<Buffer> {
  const { own } = options;
  const [first] = requests;
  const config = await templates.render('cloud/amazonec2.yaml', {
    authorizedKey: first?.ssh.authorizedKey.trim() ?? '',
    machines: requests.map(caseOf).join('\n    '),
    runcmd: runcmdLine(requests, options),
  });
  const packed = gzipSync(own === undefined ? config : multipart(config, own), { level: 9 });
  // The operating system's number, which differs between computers: the same create must send the same bytes.
  packed[9] = 255;
  if (packed.length <= mostBytes) return packed;
  throw new UserError(
    `the user data for ${requests.length} machines has ${packed.length} bytes, and EC2 takes ${mostBytes}`,
    { hint: 'make the file that the setting userdata names shorter' },
  );
}

function caseOf({ name, ssh }: CreateRequest, index: number): string {
  const key = ssh.hostKey.privateKey.replaceAll(/-----[A-Z ]+-----|\s/g, '');
  return `${index}) name=${name} key=${key} ;;`;
}

/**
 * Lists of both are put together, belt's first; of other settings the person's win.
 * @see https://cloudinit.readthedocs.io/en/latest/explanation/format.html#mime-multi-part-archive
 * @see https://cloudinit.readthedocs.io/en/latest/reference/merging.html
 */
function multipart(config: string, own: string): string {
  const boundary = `belt-${createHash('sha256').update(`${config}\n${own}`).digest('hex').slice(0, 32)}`;
  const bodies = [
    `--${boundary}\n${headOf(typeOf(own))}\n${own}\n`,
    `--${boundary}\n${headOf('text/cloud-config')}Merge-Type: list(prepend)+dict(no_replace,recurse_list)+str()\n\n${config}\n`,
  ];
  return `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n\n${bodies.join('')}--${boundary}--\n`;
}

function headOf(type: string): string {
  return `Content-Type: ${type}; charset="utf-8"\n`;
}

/** By the first line, as cloud-init does for user data of one part. */
function typeOf(text: string): string {
  if (text.startsWith('#!')) return 'text/x-shellscript';
  if (text.startsWith('#cloud-boothook')) return 'text/cloud-boothook';
  if (text.startsWith('#cloud-config')) return 'text/cloud-config';
  throw new UserError('the file that the setting userdata names is neither a script nor cloud-config', {
    hint: 'its first line must begin with #!, #cloud-config or #cloud-boothook',
  });
}

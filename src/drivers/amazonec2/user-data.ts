import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { UserError } from '../../base/errors.js';
import type { Templates } from '../../base/templates.js';
import type { CreateRequest } from '../driver.js';
import { runcmdLine } from '../kit/first-boot.js';

/** EC2's limit, before base64. @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html */
const maxBytes = 16 * 1024;

/** Keys hardly compress: about 230 bytes per machine, which leaves 2 KB for the user's own. */
export const machinesPerCall = 60;

/** Gzipped, for machines in launch index order. @throws UserError above EC2's limit */
export async function userDataFor(
  requests: readonly CreateRequest[],
  options: { own?: string | undefined; engineAtFirstBoot?: boolean },
  templates: Templates,
): Promise<Buffer> {
  const { own } = options;
  const [first] = requests;
  const config = await templates.render('cloud/amazonec2.yaml', {
    authorizedKey: first?.ssh.authorizedKey.trim() ?? '',
    machines: requests.map(shellCase).join('\n    '),
    runcmd: runcmdLine(requests, options),
  });
  const packed = gzipSync(own === undefined ? config : multipart(config, own), { level: 9 });
  // The operating system in the gzip header: the same create must send the same bytes everywhere.
  packed[9] = 255;
  if (packed.length <= maxBytes) return packed;
  throw new UserError(
    `the user data for ${requests.length} machines has ${packed.length} bytes; EC2 accepts ${maxBytes}`,
    { hint: 'make the file of the setting userdata smaller' },
  );
}

function shellCase({ name, ssh }: CreateRequest, index: number): string {
  const key = ssh.hostKey.privateKey.replaceAll(/-----[A-Z ]+-----|\s/g, '');
  return `${index}) name=${name} key=${key} ;;`;
}

/**
 * Lists are merged, belt's first; other settings of the user win.
 * @see https://cloudinit.readthedocs.io/en/latest/explanation/format.html#mime-multi-part-archive
 * @see https://cloudinit.readthedocs.io/en/latest/reference/merging.html
 */
function multipart(config: string, own: string): string {
  const boundary = `belt-${createHash('sha256').update(`${config}\n${own}`).digest('hex').slice(0, 32)}`;
  const bodies = [
    `--${boundary}\n${mimeHeader(mimeType(own))}\n${own}\n`,
    `--${boundary}\n${mimeHeader('text/cloud-config')}Merge-Type: list(prepend)+dict(no_replace,recurse_list)+str()\n\n${config}\n`,
  ];
  return `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n\n${bodies.join('')}--${boundary}--\n`;
}

function mimeHeader(type: string): string {
  return `Content-Type: ${type}; charset="utf-8"\n`;
}

/** By the first line, as cloud-init detects the type. */
function mimeType(text: string): string {
  if (text.startsWith('#!')) return 'text/x-shellscript';
  if (text.startsWith('#cloud-boothook')) return 'text/cloud-boothook';
  if (text.startsWith('#cloud-config')) return 'text/cloud-config';
  throw new UserError('the file of the setting userdata is neither a script nor cloud-config', {
    hint: 'start the file with #!, #cloud-config or #cloud-boothook',
  });
}

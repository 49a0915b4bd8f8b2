import { randomBytes } from 'node:crypto';
import { chmod, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { exists } from '../../base/files.js';
import { formatAddress } from '../../base/ip-addresses.js';
import type { Templates } from '../../base/templates.js';
import type { CreateRequest } from '../driver.js';
import { gatewayOf } from './address-range.js';
import type { GuestNetwork } from './guest-network.js';
import { type GuestRecord, networkFile } from './guest-records.js';
import { createMissingFolder, ensureFolder } from './layout.js';

const hostKey = 'etc/ssh/ssh_host_ed25519_key';
const machineId = 'etc/machine-id';

/** Folders get the image's modes, because an overlay shows those of the upper folder. */
export async function writeGuestFiles(
  upper: string,
  record: GuestRecord,
  network: GuestNetwork,
  ssh: CreateRequest['ssh'],
  templates: Templates,
): Promise<void> {
  await ensureFolder(upper);
  await ensureFolder(join(upper, 'root'), 0o700);
  await ensureFolder(join(upper, 'root/.ssh'), 0o700);
  const { name, address } = record;
  const files: [path: string, text: string, mode: number][] = [
    ['etc/hostname', `${name}\n`, 0o644],
    ['etc/hosts', await templates.render('nspawn/hosts', { name, address }), 0o644],
    ['etc/resolv.conf', await resolverOfComputer(), 0o644],
    [
      networkFile,
      await templates.render('nspawn/10-belt.network', {
        address: `${address}/${network.range.prefix}`,
        mac: macOf(address),
        gateway: formatAddress(gatewayOf(network.range)),
      }),
      0o644,
    ],
    ['root/.ssh/authorized_keys', line(ssh.authorizedKey), 0o600],
    [hostKey, line(ssh.hostKey.privateKey), 0o600],
    [`${hostKey}.pub`, line(ssh.hostKey.publicKey), 0o644],
  ];
  if (!(await exists(join(upper, machineId))))
    files.push([machineId, `${randomBytes(16).toString('hex')}\n`, 0o444]);
  for (const [path, text, mode] of files) await writeGuestFile(join(upper, path), text, mode);
}

/** Derived from the IP address, so that ARP entries of a removed machine stay valid. */
function macOf(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['0a', 'be', ...bytes].join(':');
}

export async function hasKeys(upper: string, ssh: CreateRequest['ssh']): Promise<boolean> {
  const read = (path: string) => readFile(join(upper, path), 'utf8').catch(() => '');
  return (
    (await read(`${hostKey}.pub`)) === line(ssh.hostKey.publicKey) &&
    (await read('root/.ssh/authorized_keys')).includes(ssh.authorizedKey.trim())
  );
}

/** Machines cannot reach a resolver on loopback: systemd-resolved lists others in a second file. */
async function resolverOfComputer(): Promise<string> {
  for (const path of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    const text = await readFile(path, 'utf8').catch(() => '');
    const lines = text.split('\n').filter((one) => /^(nameserver|search|options)\s/.test(one));
    const usable = lines.filter((one) => !/^nameserver\s+(127\.|::1)/.test(one));
    if (usable.some((one) => one.startsWith('nameserver'))) return `${usable.join('\n')}\n`;
  }
  return '# this computer had no resolver when the machine was created\n';
}

async function writeGuestFile(path: string, text: string, mode: number): Promise<void> {
  await createMissingFolder(dirname(path));
  await writeFileAtomic(path, text, { mode });
  await chmod(path, mode);
}

function line(text: string): string {
  return `${text.trimEnd()}\n`;
}

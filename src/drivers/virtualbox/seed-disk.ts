import { formatAddress } from '../../base/ip-addresses.js';
import type { Templates } from '../../base/templates.js';
import type { CreateRequest } from '../driver.js';
import { runcmdLine } from '../kit/first-boot.js';
import { isoImage } from './iso9660.js';

export interface NetworkCard {
  /** As VirtualBox writes it: `080027A4D6BD`. */
  mac: string;
  /** Undefined: DHCP. */
  fixed?: { address: number; prefix: number; gateway?: number };
}

interface SeedInput {
  uuid: string;
  request: CreateRequest;
  user: string;
  cards: readonly NetworkCard[];
  engineAtFirstBoot?: boolean;
}

/** @see https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html */
export async function seedImage(seed: SeedInput, templates: Templates): Promise<Buffer> {
  return isoImage('cidata', await seedFiles(seed, templates));
}

export async function seedFiles(seed: SeedInput, templates: Templates): Promise<Record<string, string>> {
  const { uuid, request, user, cards } = seed;
  const { name, ssh } = request;
  return {
    'meta-data': yaml({ 'instance-id': uuid, 'local-hostname': name }),
    'network-config': yaml(networkConfig(cards)),
    'user-data': await templates.render('cloud/virtualbox.yaml', {
      name,
      user,
      authorizedKey: ssh.authorizedKey.trim(),
      privateKey: ssh.hostKey.privateKey.trim().replaceAll(/\r?\n/g, '\n    '),
      publicKey: ssh.hostKey.publicKey.trim(),
      runcmd: runcmdLine([request], seed),
    }),
  };
}

/** Matches cards by MAC address: interface names depend on the image. netplan's version 2. */
function networkConfig(cards: readonly NetworkCard[]) {
  const ethernets = cards.map(({ mac, fixed }, index) => {
    const match = { macaddress: mac.toLowerCase().replaceAll(/(..)(?!$)/g, '$1:') };
    return [
      `card${index + 1}`,
      fixed ? { match, dhcp4: false, ...staticAddress(fixed) } : { match, dhcp4: true },
    ];
  });
  return { version: 2, ethernets: Object.fromEntries(ethernets) };
}

function staticAddress({ address, prefix, gateway }: NonNullable<NetworkCard['fixed']>) {
  const addresses = [`${formatAddress(address)}/${prefix}`];
  if (gateway === undefined) return { addresses };
  const via = formatAddress(gateway);
  return { addresses, routes: [{ to: '0.0.0.0/0', via }], nameservers: { addresses: [via] } };
}

/** JSON is YAML. */
function yaml(value: unknown): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}

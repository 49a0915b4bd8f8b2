import { UserError } from '../../base/errors.js';
import { ensureShared } from '../kit/provider-objects.js';
import type { FirewallRequest, FirewallRule } from './api-types.js';
import { DigitalOceanError } from './digitalocean-error.js';
import { type DropletContext, fingerprintOf } from './droplet-context.js';
import { idTag, sharedName } from './droplets.js';

/**
 * Without a key, DigitalOcean would mail a root password.
 * @returns its id. @throws UserError for a configured key that is not in the account
 */
export async function ensureKey(
  { api, settings, options }: DropletContext,
  publicKey: string,
  signal: AbortSignal,
): Promise<number> {
  const { sshKeyFingerprint } = settings;
  if (sshKeyFingerprint !== undefined) {
    const key = await api(signal).key(sshKeyFingerprint);
    if (key) return key.id;
    // docker-machine's message.
    throw new UserError(`Digital Ocean SSH key with fingerprint ${sshKeyFingerprint} doesn't exist`, {
      hint: 'choose a key from https://cloud.digitalocean.com/account/security',
    });
  }
  const fingerprint = fingerprintOf(publicKey);
  const find = () => api(signal).key(fingerprint);
  const key = await ensureShared(
    find,
    () => api(signal).addKey(sharedName(options.cluster), publicKey),
    async (error) => (isRefusal(error) ? find() : undefined),
  );
  return key.id;
}

export async function ensureFirewall(context: DropletContext, signal: AbortSignal): Promise<void> {
  const { api, settings, options } = context;
  if (!settings.firewall) return;
  const tag = idTag(options.cluster);
  const find = async (): Promise<unknown> => (await findFirewalls(context, signal))[0];
  const isUnclear = (error: unknown) =>
    isRefusal(error) || (error instanceof DigitalOceanError && error.unclear);
  await ensureShared(
    find,
    async () => {
      // A firewall accepts only tags that exist.
      await api(signal).addTag(tag);
      return api(signal).addFirewall(firewallFor(sharedName(options.cluster), tag));
    },
    async (error) => (isUnclear(error) ? find() : undefined),
  );
}

/** Called after the cluster's last machine; keeps keys that belt did not register. */
export async function removeShared(context: DropletContext, signal: AbortSignal): Promise<void> {
  const { api, options } = context;
  for (const { id } of await findFirewalls(context, signal)) await api(signal).removeFirewall(id);
  const name = sharedName(options.cluster);
  const own = (await api(signal).keys()).filter((key) => key.name === name);
  for (const { fingerprint } of own) await api(signal).removeKey(fingerprint);
  await api(signal).removeTag(idTag(options.cluster));
}

async function findFirewalls(
  { api, options }: DropletContext,
  signal: AbortSignal,
): Promise<{ id: string }[]> {
  const name = sharedName(options.cluster);
  return (await api(signal).firewalls()).filter((firewall) => firewall.name === name);
}

function isRefusal(error: unknown): boolean {
  return error instanceof DigitalOceanError && (error.status === 422 || error.status === 409);
}

const everyone = ['0.0.0.0/0', '::/0'];

/** 2377: managers, 7946: gossip, 4789: overlay networks (Docker's documentation). */
const swarmPorts: readonly FirewallRule[] = [
  { protocol: 'tcp', ports: '2377' },
  { protocol: 'tcp', ports: '7946' },
  { protocol: 'udp', ports: '7946' },
  { protocol: 'udp', ports: '4789' },
];

/** All others, so that published ports stay reachable. */
const otherPorts: readonly FirewallRule[] = [
  { protocol: 'icmp', ports: '0' },
  { protocol: 'tcp', ports: '1-2376' },
  { protocol: 'tcp', ports: '2378-7945' },
  { protocol: 'tcp', ports: '7947-65535' },
  { protocol: 'udp', ports: '1-4788' },
  { protocol: 'udp', ports: '4790-7945' },
  { protocol: 'udp', ports: '7947-65535' },
];

export function firewallFor(name: string, tag: string): FirewallRequest {
  // 0 means all ports.
  const outbound: FirewallRule[] = [
    { protocol: 'icmp', ports: '0' },
    { protocol: 'tcp', ports: '0' },
    { protocol: 'udp', ports: '0' },
  ];
  return {
    name,
    tags: [tag],
    inbound_rules: [
      ...swarmPorts.map((rule) => ({ ...rule, sources: { tags: [tag] } })),
      ...otherPorts.map((rule) => ({ ...rule, sources: { addresses: everyone } })),
    ],
    outbound_rules: outbound.map((rule) => ({ ...rule, destinations: { addresses: everyone } })),
  };
}

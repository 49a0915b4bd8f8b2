import { UserError } from '../../base/errors.js';
import { DigitalOceanError } from './digitalocean-error.js';
import { type Cloud, fingerprintOf } from './droplet-context.js';
import { firewallFor } from './firewall.js';
import { idTag, sharedName } from './tags.js';

/** What all droplets of a cluster share in the account: an SSH key and a firewall. */

/**
 * The key that new droplets get: the one that is set, or the cluster's, registered at its first use. Without any, DigitalOcean
 * would mail a password for root.
 * @returns what names it in an order
 * @throws UserError when the one that is set is not in the account
 */
export async function ensureKey(
  { api, settings, options }: Cloud,
  publicKey: string,
  signal: AbortSignal,
): Promise<number> {
  const { keyFingerprint } = settings;
  if (keyFingerprint !== undefined) {
    const key = await api(signal).key(keyFingerprint);
    if (key) return key.id;
    // docker-machine's words.
    throw new UserError(`Digital Ocean SSH key with fingerprint ${keyFingerprint} doesn't exist`, {
      hint: 'keys of the account: https://cloud.digitalocean.com/account/security',
    });
  }
  const fingerprint = fingerprintOf(publicKey);
  const there = await api(signal).key(fingerprint);
  if (there) return there.id;
  try {
    return (await api(signal).addKey(sharedName(options.cluster), publicKey)).id;
  } catch (error) {
    // Registered by a try whose answer was lost, or by another belt.
    const key = isRefusal(error) ? await api(signal).key(fingerprint) : undefined;
    if (key) return key.id;
    throw error;
  }
}

/** The firewall of the cluster's tag; made once. */
export async function ensureFirewall(cloud: Cloud, signal: AbortSignal): Promise<void> {
  const { api, settings, options } = cloud;
  if (!settings.firewall || (await findFirewalls(cloud, signal)).length > 0) return;
  // A firewall takes only tags that exist.
  await api(signal).addTag(idTag(options.cluster));
  try {
    await api(signal).addFirewall(firewallFor(sharedName(options.cluster), idTag(options.cluster)));
  } catch (error) {
    const lost = error instanceof DigitalOceanError && (error.unclear || isRefusal(error));
    if (!lost || (await findFirewalls(cloud, signal)).length === 0) throw error;
  }
}

/** With the last machine of the cluster; a key that belt did not register stays. */
export async function removeShared(cloud: Cloud, signal: AbortSignal): Promise<void> {
  const { api, options } = cloud;
  for (const { id } of await findFirewalls(cloud, signal)) await api(signal).removeFirewall(id);
  const name = sharedName(options.cluster);
  const mine = (await api(signal).keys()).filter((key) => key.name === name);
  for (const { fingerprint } of mine) await api(signal).removeKey(fingerprint);
  await api(signal).removeTag(idTag(options.cluster));
}

async function findFirewalls({ api, options }: Cloud, signal: AbortSignal): Promise<{ id: string }[]> {
  const name = sharedName(options.cluster);
  return (await api(signal).firewalls()).filter((firewall) => firewall.name === name);
}

function isRefusal(error: unknown): boolean {
  return error instanceof DigitalOceanError && (error.status === 422 || error.status === 409);
}

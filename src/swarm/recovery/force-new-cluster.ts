import type { Context } from '../../app/context.js';
import type { Machine } from '../../machines/model/machine.js';
import { waitForRole } from '../change-roles.js';
import { membershipOf, withEngine } from '../membership.js';
import { wildcardAddress } from '../model/node-addresses.js';
import { requireAddress } from '../node-network.js';
import { withSwarm } from '../session.js';
import { recordAbandonedManagers } from './abandoned-managers.js';

/** Includes replaying the Raft log. */
const initTimeoutMs = 120_000;

/** The machine becomes the only manager. @throws EngineError, ExternalError */
export async function forceNewCluster(machine: Machine, autolock: boolean, context: Context): Promise<void> {
  const address = requireAddress(machine);
  const nodeId = await withEngine(machine, context, async (api) => {
    const request = {
      ListenAddr: wildcardAddress(address),
      AdvertiseAddr: address,
      DataPathAddr: address,
      ForceNewCluster: true,
      // Omitted options are reset to their defaults.
      Spec: { EncryptionConfig: { AutoLockManagers: autolock } },
    };
    await api.initSwarm(request, { timeoutMs: initTimeoutMs, signal: context.signal });
    return (await membershipOf(api)).nodeId;
  });
  await afterForcedCluster(machine, nodeId, context);
}

/** Waits until the machine leads, and records the managers left behind. */
export function afterForcedCluster(machine: Machine, nodeId: string, context: Context): Promise<void> {
  return withSwarm({ manager: machine }, context, async (swarm) => {
    await waitForRole(nodeId, machine.name, 'manager', swarm, context);
    await recordAbandonedManagers(swarm, nodeId, context);
  });
}

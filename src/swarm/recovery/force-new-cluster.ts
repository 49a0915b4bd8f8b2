import type { Context } from '../../app/context.js';
import type { Machine } from '../../machines/model/machine.js';
import { waitForRole } from '../change-roles.js';
import { membershipOf, withEngine } from '../membership.js';
import { wildcardAddress } from '../model/node-addresses.js';
import { requireAddress } from '../node-network.js';
import { withSwarm } from '../session.js';

/** The engine reads its log, and leads at once. */
const initTimeoutMs = 120_000;

/**
 * Makes the engine, which is not in a swarm and has a swarm's folder, the only manager of that
 * swarm (`--force-new-cluster`): with all that the folder knows of services, secrets, configs and
 * nodes. Address pools and the data path's port stay as they are in it.
 * @throws EngineError, ExternalError
 */
export async function forceNewCluster(machine: Machine, autolock: boolean, context: Context): Promise<void> {
  const address = requireAddress(machine);
  const nodeId = await withEngine(machine, context, async (api) => {
    const request = {
      ListenAddr: wildcardAddress(address),
      AdvertiseAddr: address,
      DataPathAddr: address,
      ForceNewCluster: true,
      // What is not said here is taken for no.
      Spec: { EncryptionConfig: { AutoLockManagers: autolock } },
    };
    await api.initSwarm(request, { timeoutMs: initTimeoutMs, signal: context.signal });
    return (await membershipOf(api)).nodeId;
  });
  await withSwarm({ manager: machine }, context, (swarm) =>
    waitForRole(nodeId, machine.name, 'manager', swarm, context),
  );
}

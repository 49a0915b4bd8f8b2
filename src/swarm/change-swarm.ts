import type { EngineApi } from '../engine/api.js';
import { isOutOfSequence } from './change-node.js';
import type { Swarm } from './session.js';

/**
 * What a manager may be told of the whole swarm (https://docs.docker.com/reference/api/engine/,
 * `SwarmUpdate`); the rest goes back as it is.
 */
export interface SwarmSpec {
  EncryptionConfig?: { AutoLockManagers?: boolean };
  CAConfig?: { ForceRotate?: number };
}

/** `GET /swarm`. */
export interface SwarmDocument {
  Version: { Index: number };
  Spec: SwarmSpec;
  JoinTokens: { Worker: string; Manager: string };
  RootRotationInProgress?: boolean;
  TLSInfo?: { TrustRoot?: string };
}

/** What becomes new without a change of the settings. */
export type Rotation = 'rotateWorkerToken' | 'rotateManagerToken' | 'rotateManagerUnlockKey';

const attempts = 10;

export function swarmDocument(api: EngineApi): Promise<SwarmDocument> {
  return api.get('/swarm') as Promise<SwarmDocument>;
}

/**
 * Changes the swarm's settings, on top of whatever they are by then.
 * @returns whether anything was asked of the managers
 * @throws EngineError when the swarm refuses; ExternalError when no manager answers
 */
export async function changeSwarm(
  swarm: Swarm,
  change: (document: SwarmDocument) => SwarmSpec,
  rotation?: Rotation,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await swarm.ask(async (api) => {
        const document = await swarmDocument(api);
        const wanted = change(document);
        if (!rotation && JSON.stringify(wanted) === JSON.stringify(document.Spec)) return false;
        const query = rotation ? `&${rotation}=true` : '';
        await api.post(`/swarm/update?version=${document.Version.Index}${query}`, wanted);
        return true;
      });
    } catch (error) {
      if (attempt === attempts || !isOutOfSequence(error)) throw error;
    }
  }
}

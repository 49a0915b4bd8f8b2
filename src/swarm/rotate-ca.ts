import type { Context } from '../app/context.js';
import type { Step } from '../app/reporter.js';
import { ExternalError, isAbort, messageOf } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import { caProgressText, readCaProgress } from './model/ca-progress.js';
import { type Swarm, withSwarm } from './session.js';

const subject = 'certificate authority';

export interface CaRotation {
  /** PEM. */
  certificate: string;
  nodes: number;
}

/** @throws ExternalError on a timeout; the rotation continues */
export async function rotateCa({ timeoutMs }: { timeoutMs: number }, context: Context): Promise<CaRotation> {
  const { reporter, signal } = context;
  return withSwarm({}, context, async (swarm) => {
    await swarm.request((api) =>
      api.updateSwarm((spec) => ({
        ...spec,
        CAConfig: { ...spec.CAConfig, ForceRotate: (spec.CAConfig?.ForceRotate ?? 0) + 1 },
      })),
    );
    const progress = reporter.open([subject]);
    try {
      const wait = { timeoutMs, signal };
      await waitUntilClear(
        () => obstacleTo(swarm, (text) => progress.update(subject, text)),
        wait,
        timeoutError,
      );
      progress.done(subject, 'on all nodes');
    } catch (error) {
      if (!isAbort(error)) progress.failed(subject, messageOf(error));
      throw error;
    } finally {
      await progress.close();
    }
    const certificate = await swarm.request(async (api) => (await api.swarm()).TLSInfo?.TrustRoot ?? '');
    return { certificate: certificate.trim(), nodes: (await swarm.nodes()).length };
  });

  function timeoutError(obstacle: string): ExternalError {
    return new ExternalError(`after ${timeoutMs / 1000} s ${obstacle}`, {
      hint: 'belt swarm rm NODES, for nodes that no longer exist; the rotation continues',
    });
  }
}

async function obstacleTo(swarm: Swarm, step: Step): Promise<string | undefined> {
  const progress = await swarm.request(async (api) => readCaProgress(await api.swarm(), await api.nodes()));
  if (progress.done) return undefined;
  const text = caProgressText(progress);
  step(text);
  return text;
}

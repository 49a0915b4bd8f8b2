import type { Context } from '../app/context.js';
import { ExternalError, isAbort, messageOf } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import { changeSwarm, swarmDocument } from './change-swarm.js';
import { caProgressText, readCaProgress } from './model/ca-progress.js';
import { type Swarm, withSwarm } from './session.js';

/** The line of progress. */
const subject = 'certificate authority';

export interface CaRotation {
  /** The new authority's certificate, PEM. */
  certificate: string;
  nodes: number;
}

/**
 * Gives the swarm a new certificate authority, and waits until every node has a certificate of it.
 * @throws ExternalError that names the nodes without one when time is up; the managers go on with it
 */
export async function rotateCa({ timeoutMs }: { timeoutMs: number }, context: Context): Promise<CaRotation> {
  const { reporter, signal } = context;
  return withSwarm({}, context, async (swarm) => {
    await changeSwarm(swarm, ({ Spec }) => ({
      ...Spec,
      CAConfig: { ...Spec.CAConfig, ForceRotate: (Spec.CAConfig?.ForceRotate ?? 0) + 1 },
    }));
    const progress = reporter.open([subject]);
    try {
      const wait = { timeoutMs, signal };
      await waitUntilClear(() => obstacleTo(swarm, (text) => progress.update(subject, text)), wait, late);
      progress.done(subject, 'on all nodes');
    } catch (error) {
      if (!isAbort(error)) progress.failed(subject, messageOf(error));
      throw error;
    } finally {
      await progress.close();
    }
    const certificate = await swarm.ask(async (api) => (await swarmDocument(api)).TLSInfo?.TrustRoot ?? '');
    return { certificate: certificate.trim(), nodes: (await swarm.nodes()).length };
  });

  function late(obstacle: string): ExternalError {
    return new ExternalError(`after ${timeoutMs / 1000} s ${obstacle}`, {
      hint: 'the managers go on with it; nodes that are gone hold it up: belt swarm rm NODES',
    });
  }
}

async function obstacleTo(swarm: Swarm, step: (text: string) => void): Promise<string | undefined> {
  const progress = await swarm.ask(async (api) =>
    readCaProgress(await api.get('/swarm'), await api.get('/nodes')),
  );
  if (progress.done) return undefined;
  const text = caProgressText(progress);
  step(text);
  return text;
}

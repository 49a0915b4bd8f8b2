import type { Machine } from '../../machines/machine.js';
import type { Context } from '../context.js';
import { waitForEngine } from '../engine/connect.js';
import { sshTarget } from './reach.js';

export interface ReadyOptions {
  timeoutMs: number;
  /** Told what is being waited for. */
  step: (text: string) => void;
}

/**
 * Waits until the machine's SSH server and then its engine answer.
 * @throws ExternalError with the last obstacle; AbortError
 */
export async function makeReady(
  machine: Machine,
  { timeoutMs, step }: ReadyOptions,
  context: Context,
): Promise<void> {
  const { signal } = context;
  const deadline = Date.now() + timeoutMs;
  step('waiting for SSH');
  const ssh = await context.ssh();
  const onObstacle = (obstacle: string): void => step(`waiting for SSH (${obstacle})`);
  const connection = await ssh.waitFor(sshTarget(machine), { timeoutMs, signal, onObstacle });
  step('waiting for the engine');
  await waitForEngine(connection, { timeoutMs: Math.max(deadline - Date.now(), 1_000), signal });
}

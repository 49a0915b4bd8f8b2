import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { DockerClient } from '../contexts/docker-contexts.js';
import type { Environment } from '../state/environment.js';
import { requireProgram } from './require-program.js';

/** This computer's docker client, with its output collected. */
export const dockerClient: DockerClient = async (args) => {
  const child = spawn('docker', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
};

/** @throws UserError without a docker client on this computer */
export async function requireDockerClient(environment: Environment): Promise<void> {
  await requireProgram(
    ['docker'],
    environment,
    'docker contexts need the docker client, which is not installed',
  );
}

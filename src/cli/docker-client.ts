import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { mebibyte, readBounded } from '../base/size-limit.js';
import type { DockerClient } from '../contexts/docker-contexts.js';
import type { Environment } from '../state/environment.js';
import { requireProgram } from './require-program.js';

const maxOutputBytes = 16 * mebibyte;

/** This computer's docker client, with its output collected. */
export const dockerClient: DockerClient = async (args) => {
  const child = spawn('docker', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  const read = async (stream: Readable): Promise<string> =>
    String(await readBounded(stream, maxOutputBytes, `the output of docker ${args.slice(0, 2).join(' ')}`));
  try {
    const [stdout, stderr, code] = await Promise.all([read(child.stdout), read(child.stderr), ended]);
    return { code, stdout, stderr };
  } finally {
    child.kill();
  }
};

/** @throws UserError without a docker client on this computer */
export async function requireDockerClient(environment: Environment): Promise<void> {
  await requireProgram(
    ['docker'],
    environment,
    'docker contexts need the docker client, which is not installed',
  );
}

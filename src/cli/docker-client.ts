import { spawn } from 'node:child_process';
import { open, readdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { UserError } from '../base/errors.js';
import { mebibyte, readBounded } from '../base/size-limit.js';
import type { DockerClient } from '../contexts/docker-contexts.js';
import type { DockerClientSetting } from '../engine/model/docker-client-setting.js';
import { type Environment, findProgram } from '../state/environment.js';
import { requireProgram } from './require-program.js';

const maxOutputBytes = 16 * mebibyte;

/** This computer's docker client, with its output collected. */
export async function dockerClient(args: readonly string[], program = 'docker'): ReturnType<DockerClient> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
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
}

export interface ClientChoice {
  /** Path of this computer's client; undefined: use the machine's. */
  program?: string;
  /** Set by the user, also for several machines. */
  isForced: boolean;
  /** For --debug. */
  reason: string;
}

/** @throws UserError for `local` without a client on this computer */
export async function chooseDockerClient(
  { place, origin }: DockerClientSetting,
  environment: Environment,
): Promise<ClientChoice> {
  const reason = `docker_client: ${place}${origin === undefined ? '' : `, ${origin}`}`;
  if (place === 'remote') return { isForced: true, reason };
  const found = await findDockerClient(environment);
  if (found.program !== undefined) return { program: found.program, isForced: place === 'local', reason };
  if (place === 'auto') return { isForced: false, reason: found.problem };
  throw new UserError(`${origin}: docker_client is local, but ${found.problem}`, {
    hint: 'install a docker client (Debian: docker-cli), or set docker_client to auto',
  });
}

/** The client must accept a socket and certificates in any folder, for any engine. */
export async function findDockerClient(
  environment: Environment,
): Promise<{ program: string } | { program?: never; problem: string }> {
  const program = await findProgram('docker', environment);
  if (program === undefined) return { problem: 'no docker client is installed on this computer' };
  const target = await realpath(program);
  if (basename(target) === 'snap')
    return { problem: `${program} is a snap, which cannot read belt's certificates` };
  if (basename(target) === 'podman' || (await isPodmanScript(target)))
    return { problem: `${program} is podman, which ignores DOCKER_HOST` };
  return { program };
}

/** The package podman-docker installs a shell script. */
async function isPodmanScript(path: string): Promise<boolean> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2048), 0, 2048, 0);
  const start = buffer.toString('latin1', 0, bytesRead);
  return start.startsWith('#!') && start.includes('podman');
}

/** Without running the client. */
export async function hasDockerContexts(environment: Environment): Promise<boolean> {
  const folder = environment.variables['DOCKER_CONFIG'] || join(environment.home, '.docker');
  const stored = await readdir(join(folder, 'contexts/meta')).catch(() => []);
  return stored.length > 0 && (await findProgram('docker', environment)) !== undefined;
}

/** @throws UserError without a docker client on this computer */
export async function requireDockerClient(environment: Environment): Promise<void> {
  await requireProgram(
    ['docker'],
    environment,
    'docker contexts need the docker client, which is not installed',
  );
}

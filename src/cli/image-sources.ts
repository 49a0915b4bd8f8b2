import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { PassThrough, type Readable } from 'node:stream';
import type { Context } from '../app/context.js';
import { ExternalError, UsageError, UserError } from '../base/errors.js';
import { exists } from '../base/files.js';
import { readArchive } from '../engine/image-archive.js';
import { looksLikeArchive } from '../engine/model/push-words.js';
import { type ImageSource, machineImages, noImage } from '../engine/push-images.js';
import { selectMachine } from '../machines/select-machines.js';
import { type Environment, findProgram } from '../state/environment.js';
import { dockerClient } from './docker-client.js';

interface ImagesInput {
  /** At least one: names, a tar file, or `-`. */
  images: readonly string[];
  /** The machine that has them; default: this computer. */
  from?: string | undefined;
}

/** @throws UserError, UsageError for images that are not there */
export async function openImages(
  { images, from }: ImagesInput,
  context: Context,
  environment: Environment,
  resolvePath: (path: string) => Promise<string>,
): Promise<ImageSource> {
  if (from !== undefined) return machineImages(images, await selectMachine(from, context), context);
  const archive = images.find(looksLikeArchive);
  if (archive === undefined) return localImages(images, await requireClient(environment));
  if (images.length > 1)
    throw new UsageError(`an archive is pushed alone: ${archive}`, { hint: `belt push ${archive} NODES` });
  return archive === '-' ? standardInput() : fileImages(archive, await resolvePath(archive));
}

async function requireClient(environment: Environment): Promise<string> {
  const program = await findProgram('docker', environment);
  if (program !== undefined) return program;
  throw new UserError('images of this computer need a docker client, which is not installed', {
    hint: 'belt push IMAGE... NODES --from NODE, or belt push FILE.tar NODES',
  });
}

/** Of the engine that the user's docker client talks to. */
async function localImages(names: readonly string[], program: string): Promise<ImageSource> {
  const images: { image: string; ids: string[] }[] = [];
  let size = 0;
  for (const image of names) {
    const { code, stdout, stderr } = await inspectImage(image, program);
    if (code !== 0) throw noImage(image, 'this computer', stderr);
    const [id = '', bytes = '0'] = stdout.trim().split(' ');
    images.push({ image, ids: [id] });
    size += Number(bytes);
  }
  return { name: 'this computer', images, size, open: () => save(names, program) };
}

function inspectImage(image: string, program: string): ReturnType<typeof dockerClient> {
  return dockerClient(['image', 'inspect', '--format', '{{.Id}} {{.Size}}', image], program);
}

/** Whether a word that names a machine is also an image of the source. */
export async function isImage(
  word: string,
  from: string | undefined,
  context: Context,
  environment: Environment,
) {
  if (from !== undefined) {
    const machine = await selectMachine(from, context);
    return machineImages([word], machine, context).then(
      () => true,
      () => false,
    );
  }
  const program = await findProgram('docker', environment);
  return program !== undefined && (await inspectImage(word, program)).code === 0;
}

function save(names: readonly string[], program: string): Readable {
  const child = spawn(program, ['save', ...names], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = child.stdout.pipe(new PassThrough(), { end: false });
  let text = '';
  child.stderr.on('data', (chunk) => {
    text += chunk;
  });
  child.once('error', (error) => output.destroy(error));
  child.once('close', (code) => {
    if (code === 0) output.end();
    else output.destroy(new ExternalError(`docker save failed: ${text.trim() || `exit code ${code}`}`));
  });
  output.once('close', () => child.kill());
  return output;
}

function standardInput(): ImageSource {
  if (process.stdin.isTTY)
    throw new UsageError('"-" reads an archive of images, and the input is a terminal', {
      hint: 'docker save IMAGE | belt push - NODES',
    });
  return { name: 'the input', open: () => process.stdin };
}

async function fileImages(name: string, path: string): Promise<ImageSource> {
  if (!(await exists(path)))
    throw new UserError(`there is no file ${path}`, { hint: 'belt push FILE.tar NODES' });
  const { size } = await stat(path);
  const images = await readArchive(createReadStream(path)).catch((cause) => {
    throw new UserError(`${path} is not an archive of images: ${cause.message}`, {
      hint: `docker save IMAGE > ${name}`,
      cause,
    });
  });
  return { name, ...(images && { images }), size, open: () => createReadStream(path) };
}

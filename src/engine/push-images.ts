import { PassThrough, type Readable } from 'node:stream';
import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { runTasks, type Task } from '../app/run-tasks.js';
import { Broadcast } from '../base/broadcast.js';
import { ExternalError, messageOf, UserError } from '../base/errors.js';
import { plural } from '../base/plural.js';
import { quoteArgs } from '../base/quote-args.js';
import type { Machine } from '../machines/model/machine.js';
import type { Connection } from '../ssh/index.js';
import { type ImageIdentity, readArchive } from './image-archive.js';
import { dockerProgram } from './remote-docker.js';

export interface ImageSource {
  /** For messages: `this computer`, `web.tar`. */
  name: string;
  /** Undefined: known only once it has been read. */
  images?: readonly ImageIdentity[];
  /** Of the archive, in bytes, approximately. */
  size?: number;
  /** Starts to read an archive as `docker save` writes it. */
  open(): Readable;
}

/** As `-o json` prints it. */
export interface PushedImages {
  name: string;
  images: PushedImage[];
}

interface PushedImage {
  image: string;
  id: string;
  /** `present`: the machine had it already. */
  status: 'loaded' | 'present';
}

/** Reads the source once, for all machines that lack an image. */
export async function pushImages(
  source: ImageSource,
  machines: readonly Machine[],
  context: Context,
): Promise<Outcome<PushedImages>[]> {
  const broadcast = new Broadcast(machines.length, () => source.open(), context.signal);
  let archive: Promise<readonly ImageIdentity[]> | undefined;
  const readOnce = (): Promise<readonly ImageIdentity[]> => {
    archive ??= identify(source, broadcast);
    archive.catch(() => {});
    return archive;
  };
  const run = async (task: Task): Promise<PushedImages> => {
    const { name } = task.subject;
    let isWaiting = true;
    try {
      task.step('Comparing images');
      const connection = await reach(task.subject, context);
      const present = source.images && (await presentImages(source.images, connection));
      if (present) return { name, images: present };
      task.step('Waiting for the source');
      const identified = readOnce();
      isWaiting = false;
      await load(broadcast, source, connection, task);
      return { name, images: await verify(await identified, connection) };
    } finally {
      if (isWaiting) broadcast.leave();
    }
  };
  return runTasks(
    machines,
    { activity: 'being sent images', doneText, run, limit: machines.length },
    context,
  );
}

function doneText({ images }: PushedImages): string {
  const loaded = images.filter(({ status }) => status === 'loaded').length;
  return loaded === 0 ? 'Already present' : `Loaded ${plural(loaded, 'image')}`;
}

/** @throws ExternalError when the source is not an archive of images, or breaks off */
async function identify(source: ImageSource, broadcast: Broadcast): Promise<readonly ImageIdentity[]> {
  const reader = broadcast.watch();
  try {
    const found = (await readArchive(reader)) ?? [];
    return (
      source.images?.map(({ image, ids }) => ({ image, ids: [...ids, ...idsOf(image, found)] })) ?? found
    );
  } catch (error) {
    throw new ExternalError(`cannot read images from ${source.name}: ${messageOf(error)}`, { cause: error });
  } finally {
    // The machines' copies go on without it.
    reader.destroy();
  }
}

function idsOf(image: string, found: readonly ImageIdentity[]): readonly string[] {
  const same = found.filter((other) => other.image === image || other.image === `${image}:latest`);
  return (same.length > 0 ? same : found).flatMap(({ ids }) => ids);
}

async function load(
  broadcast: Broadcast,
  { size }: ImageSource,
  connection: Connection,
  { step, context }: Task,
): Promise<void> {
  const stdin = broadcast.join();
  const output = new PassThrough();
  const timer = setInterval(() => {
    step('Sending', size === undefined ? undefined : Math.min(broadcast.bytes / size, 1));
  }, 200);
  let text = '';
  output.on('data', (chunk) => {
    text = `${text}${chunk}`.slice(-2000);
  });
  try {
    const code = await connection.stream(dockerLine(['load', '--quiet'], connection), {
      stdin,
      stdout: output,
      stderr: output,
      signal: context.signal,
    });
    if (stdin.errored) throw stdin.errored;
    if (code !== 0) throw new ExternalError(`docker load failed: ${text.trim() || `exit code ${code}`}`);
  } finally {
    clearInterval(timer);
    stdin.destroy();
  }
}

/** Tags what the machine has under another name. @returns undefined if an image must be sent */
async function presentImages(
  images: readonly ImageIdentity[],
  connection: Connection,
): Promise<PushedImage[] | undefined> {
  const present: PushedImage[] = [];
  for (const { image, ids } of images) {
    let id = await idOf(image, connection);
    if (id === undefined || !ids.includes(id)) id = await tagPresent(image, ids, connection);
    if (id === undefined) return undefined;
    present.push({ image, id, status: 'present' });
  }
  return present;
}

async function tagPresent(
  image: string,
  ids: readonly string[],
  connection: Connection,
): Promise<string | undefined> {
  for (const id of ids) {
    if ((await idOf(id, connection)) !== id) continue;
    const { code } = await connection.run(dockerLine(['image', 'tag', id, image], connection));
    if (code === 0) return id;
  }
  return undefined;
}

async function verify(images: readonly ImageIdentity[], connection: Connection): Promise<PushedImage[]> {
  const loaded: PushedImage[] = [];
  for (const { image, ids } of images) {
    const id = await idOf(image, connection);
    if (id === undefined || !ids.includes(id)) {
      throw new ExternalError(
        `${image} was sent, but the machine has ${id === undefined ? 'no such image' : `another one: ${id}`}`,
      );
    }
    loaded.push({ image, id, status: 'loaded' });
  }
  return loaded;
}

async function idOf(image: string, connection: Connection): Promise<string | undefined> {
  const { code, stdout } = await connection.run(
    dockerLine(['image', 'inspect', '--format', '{{.Id}}', image], connection),
    { timeoutMs: 60_000 },
  );
  return code === 0 ? stdout.trim() : undefined;
}

function dockerLine(args: readonly string[], { target }: Connection): string {
  return `${dockerProgram(target.user)} ${quoteArgs(args)}`;
}

/** Images of a machine. @throws UserError for an image that it does not have; ExternalError */
export async function machineImages(
  names: readonly string[],
  machine: Machine,
  context: Context,
): Promise<ImageSource> {
  const connection = await reach(machine, context);
  const images: ImageIdentity[] = [];
  let size = 0;
  for (const image of names) {
    const { code, stdout, stderr } = await connection.run(
      dockerLine(['image', 'inspect', '--format', '{{.Id}} {{.Size}}', image], connection),
      { timeoutMs: 60_000, signal: context.signal },
    );
    if (code !== 0) throw noImage(image, machine.name, stderr);
    const [id = '', bytes = '0'] = stdout.trim().split(' ');
    images.push({ image, ids: [id] });
    size += Number(bytes);
  }
  return { name: machine.name, images, size, open: () => saveOn(connection, names, context) };
}

function saveOn(connection: Connection, names: readonly string[], { signal }: Context): Readable {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  let text = '';
  stderr.on('data', (chunk) => {
    text += chunk;
  });
  connection.stream(dockerLine(['save', ...names], connection), { stdout, stderr, signal }).then(
    (code) => {
      if (code === 0) stdout.end();
      else stdout.destroy(new ExternalError(`docker save failed: ${text.trim() || `exit code ${code}`}`));
    },
    (error) => stdout.destroy(error),
  );
  return stdout;
}

/** @param detail docker's message */
export function noImage(image: string, place: string, detail: string): UserError {
  const isMissing = /no such image|not found/i.test(detail);
  return new UserError(
    isMissing
      ? `${place} has no image "${image}"`
      : `cannot read image "${image}" of ${place}: ${detail.trim()}`,
    { hint: 'belt push IMAGE... NODES; the image may also be a tar file, "-", or --from NODE' },
  );
}

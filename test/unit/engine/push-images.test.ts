import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readArchive } from '../../../src/engine/image-archive.js';
import { machineImages, pushImages } from '../../../src/engine/push-images.js';
import type { Connection, StreamOptions } from '../../../src/ssh/index.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

const hex = 'ab'.repeat(32);
const id = `sha256:${hex}`;

function archive(
  manifest: unknown = [{ Config: `blobs/sha256/${hex}`, RepoTags: ['web:1'] }],
): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: 'layer.tar' }, Buffer.alloc(300_000, 'x'));
  tar.entry({ name: 'manifest.json' }, JSON.stringify(manifest));
  tar.entry({ name: 'index.json' }, JSON.stringify({ manifests: [{ digest: 'sha256:index' }] }));
  tar.finalize();
  return buffer(tar);
}

describe('the images of an archive', () => {
  const read = (bytes: Buffer) => readArchive(Readable.from([bytes.subarray(0, 3), bytes.subarray(3)]));

  test('plain and gzip archives are read, with the IDs of both image stores', async () => {
    const expected = [{ image: 'web:1', ids: [id, 'sha256:index'] }];
    expect(await read(await archive())).toEqual(expected);
    expect(await read(gzipSync(await archive()))).toEqual(expected);
  });

  test('an image without a name is known by its ID', async () => {
    expect(await read(await archive([{ Config: `${hex}.json`, RepoTags: null }]))).toEqual([
      { image: id, ids: [id, 'sha256:index'] },
    ]);
  });

  test('other compressions are left to the engine', async () => {
    expect(await read(Buffer.from('28b52ffd00000000', 'hex'))).toBeUndefined();
  });

  test('other files are refused', async () => {
    await expect(read(Buffer.from('no archive at all'))).rejects.toThrow();
    await expect(read(Buffer.alloc(0))).rejects.toThrow();
    await expect(read(await withoutManifest())).rejects.toThrow('no manifest.json');
  });
});

async function withoutManifest(): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: 'other' }, 'x');
  tar.finalize();
  return buffer(tar);
}

describe('push', () => {
  let bed: TestBed;
  /** Machine, then image and ID. */
  const engines = new Map<string, Map<string, string>>();
  const loads: string[] = [];
  /** What an engine stores after a load, by machine. */
  let stored: string;

  beforeEach(async () => {
    bed = await openTestBed();
    engines.clear();
    loads.length = 0;
    stored = id;
    const connect = bed.ssh.connect.bind(bed.ssh);
    bed.ssh.connect = async (target, options) => dockerOn(await connect(target, options));
  });
  afterEach(() => bed.close());

  function dockerOn(connection: Connection): Connection {
    const { name } = connection.target;
    const images = engines.get(name) ?? new Map<string, string>();
    engines.set(name, images);
    return {
      ...connection,
      async run(command) {
        const words = command.split(' ');
        const image = words.at(-1) ?? '';
        const found = images.get(image) ?? [...images.values()].find((known) => known === image);
        if (words[3] === 'tag') images.set(image, words[4] ?? '');
        else if (found === undefined) return { code: 1, stdout: '', stderr: 'No such image' };
        return {
          code: 0,
          stdout: command.includes('.Size') ? `${found} 300000\n` : `${found}\n`,
          stderr: '',
        };
      },
      async stream(command, { stdin, stdout }: StreamOptions) {
        if (command.startsWith('exec docker save')) {
          stdout.write(await archive());
          return 0;
        }
        loads.push(name);
        await buffer(stdin as Readable);
        images.set('web:1', stored);
        return 0;
      },
    };
  }

  async function push() {
    const machines = await bed.running('node1', 'node2', 'node3', 'node4');
    engines.set('node1', new Map([['web:1', id]]));
    const source = await machineImages(['web:1'], machines[0] as (typeof machines)[0], bed.context);
    return pushImages(source, machines, bed.context);
  }

  test('machines that have the image are skipped, and another name of it becomes a tag', async () => {
    engines.set('node2', new Map([['other:1', id]]));
    const outcomes = await push();
    const statuses = outcomes.map((outcome) => outcome.status === 'ok' && outcome.value.images[0]?.status);
    expect(statuses).toEqual(['present', 'present', 'loaded', 'loaded']);
    expect(loads.sort()).toEqual(['node3', 'node4']);
    expect(engines.get('node2')?.get('web:1')).toBe(id);
  });

  test('a machine that does not answer does not stop the others', async () => {
    bed.ssh.refused.add('node2');
    expect((await push()).map(({ status }) => status)).toEqual(['ok', 'failed', 'ok', 'ok']);
  });

  test('an engine with another image after the load is a failure', async () => {
    stored = 'sha256:other';
    const outcomes = await push();
    expect(outcomes[3]).toMatchObject({
      status: 'failed',
      error: { message: 'web:1 was sent, but the machine has another one: sha256:other' },
    });
  });

  test('an engine that knows images by their manifest is accepted', async () => {
    stored = 'sha256:index';
    expect((await push()).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  test('an image that the source lacks is named', async () => {
    const [machine] = await bed.running('node1');
    await expect(
      machineImages(['nope:1'], machine as NonNullable<typeof machine>, bed.context),
    ).rejects.toThrow('node1 has no image "nope:1"');
  });
});

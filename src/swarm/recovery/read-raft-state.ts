import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Context } from '../../app/context.js';
import { quoteArgs } from '../../base/quote-args.js';
import { limitStream, mebibyte } from '../../base/size-limit.js';
import type { Machine } from '../../machines/model/machine.js';
import type { RaftState } from '../model/manager-ranking.js';
import { isLocked, readIdentity } from '../model/node-key.js';
import { type LogPosition, LogReader } from '../model/raft-log.js';
import { runFolderScript } from './run-folder-script.js';

export interface MachineRaftState extends RaftState {
  machine: Machine;
  /** Content of `swarm-node.key`. */
  key: string;
}

/** @returns undefined without a swarm @throws ExternalError, UserError, AbortError */
export async function readRaftState(
  machine: Machine,
  context: Context,
): Promise<MachineRaftState | undefined> {
  const answers = await runFolderScript(machine, { script: 'inspect' }, context);
  const identity = readIdentity(answers.get('certificate')?.[0] ?? '');
  if (!identity) return undefined;
  const key = answers.get('key')?.[0] ?? '';
  const position = await logEnd(answers.get('segment') ?? [], machine, context);
  return {
    name: machine.name,
    machine,
    ...identity,
    key,
    locked: isLocked(key),
    ...(position && { position }),
  };
}

/** Docker's segments have 64 MiB. */
const maxSegmentBytes = 256 * mebibyte;

/** The newest segment may still be empty. */
async function logEnd(
  segments: readonly string[],
  machine: Machine,
  context: Context,
): Promise<LogPosition | undefined> {
  for (const segment of segments.toSorted().reverse()) {
    const position = await segmentEnd(segment, machine, context);
    if (position) return position;
  }
  return undefined;
}

async function segmentEnd(
  segment: string,
  machine: Machine,
  context: Context,
): Promise<LogPosition | undefined> {
  const reader = new LogReader();
  const output = createGunzip();
  const read = pipeline(
    output,
    limitStream(maxSegmentBytes, `${segment} on ${machine.name}`),
    new LogSink(reader),
  );
  // The script reports its errors.
  read.catch(() => {});
  await runFolderScript(
    machine,
    { script: 'log', values: { segment: quoteArgs([segment]) }, data: { output } },
    context,
  );
  output.end();
  await read;
  return reader.position;
}

class LogSink extends Writable {
  constructor(private readonly reader: LogReader) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.reader.push(chunk);
    done();
  }
}

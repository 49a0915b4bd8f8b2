import { PassThrough, Readable } from 'node:stream';
import type { Task } from '../../app/run-tasks.js';
import { quoteArgs } from '../../base/quote-args.js';
import { readBounded } from '../../base/size-limit.js';
import type { Machine } from '../../machines/model/machine.js';
import { inspectBackup, maxBackupBytes } from '../model/backup-file.js';
import { withManagerPort } from '../model/node-addresses.js';
import { createAddressChange } from '../model/raft-address-change.js';
import { requireAddress } from '../node-network.js';
import { runFolderScript } from './run-folder-script.js';

/**
 * Writes the machine's present address into the raft state, while its engine is outside the swarm:
 * `--force-new-cluster` keeps the recorded one.
 */
export async function writeManagerAddress({ subject: machine, step, context }: Task): Promise<void> {
  const archive = await readRaftFiles({ subject: machine, step, context });
  const { key, log, prefix } = await inspectBackup(
    () => Readable.from([archive]),
    `the swarm folder of ${machine.name}`,
  );
  const change = createAddressChange(log.reader, key, withManagerPort(requireAddress(machine)));
  if (!change) {
    context.reporter.warn(
      `the raft log of ${machine.name} cannot be decrypted with its key: the manager keeps the address that it advertised`,
    );
    return;
  }
  const values = {
    segment: quoteArgs([log.path.slice(prefix.length)]),
    end: String(log.reader.end),
    bytes: String(change.length),
  };
  const data = { input: Readable.from([change]) };
  await runFolderScript(machine, { script: 'append', values, step, data }, context);
}

/** The node's certificate and key, and the last segment of the log. */
async function readRaftFiles({ subject: machine, step, context }: Task<Machine>): Promise<Buffer> {
  const output = new PassThrough();
  const read = readBounded(output, maxBackupBytes, `the raft log of ${machine.name}`);
  // The script reports its errors.
  read.catch(() => {});
  await runFolderScript(machine, { script: 'raft', step, data: { output } }, context);
  output.end();
  return read;
}

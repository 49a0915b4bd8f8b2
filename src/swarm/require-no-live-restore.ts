import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { quoteArgs } from '../base/quote-args.js';
import { daemonFilePath, dropInPath, openrcPath } from '../engine/model/engine-paths.js';
import type { Machine } from '../machines/model/machine.js';
import type { Membership } from './model/swarm-node.js';

/** Names the files with the option, and fails if there are none. */
export const findLiveRestoreCommand = `grep -ls live-restore ${quoteArgs([daemonFilePath, dropInPath, openrcPath])}`;
const timeoutMs = 10_000;

/** Swarm mode refuses such an engine, without naming the file. @throws UserError */
export async function requireNoLiveRestore(
  machine: Machine,
  { liveRestore }: Membership,
  context: Context,
): Promise<void> {
  if (!liveRestore) return;
  const connection = await reach(machine, context);
  const { stdout } = await connection.run(findLiveRestoreCommand, { timeoutMs, signal: context.signal });
  const [file] = stdout.trim().split('\n');
  const where = file || "dockerd's options";
  const { name } = machine;
  throw new UserError(
    `live-restore is enabled on ${name} (${where}): docker cannot combine it with swarm mode`,
    {
      hint: `remove live-restore from ${where} on ${name}, then: belt exec ${name} -- sudo systemctl restart docker`,
    },
  );
}

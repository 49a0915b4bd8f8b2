import { access, constants, stat } from 'node:fs/promises';
import type { Check, Person } from '../driver.js';

/** A login needs a key: from the agent, from ~/.ssh, or from --generic-ssh-key. */
export async function lookForKeys({ agentSocket, defaultKeyPaths }: Person): Promise<Check[]> {
  const agent = agentSocket !== undefined && (await isSocket(agentSocket));
  const keys = (await Promise.all(defaultKeyPaths.map(readable))).filter((path) => path !== undefined);
  return [
    {
      name: 'SSH agent',
      ok: agent,
      optional: true,
      detail: agent
        ? `at ${agentSocket}`
        : agentSocket === undefined
          ? 'none: start one with "eval $(ssh-agent)" and ssh-add a key'
          : `${agentSocket} is gone: start one with "eval $(ssh-agent)" and ssh-add a key`,
    },
    {
      name: 'SSH keys',
      ok: keys.length > 0,
      optional: true,
      detail:
        keys.length > 0
          ? keys.join(', ')
          : 'none in ~/.ssh: make one with ssh-keygen, or name one with --generic-ssh-key',
    },
  ];
}

async function isSocket(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isSocket(),
    () => false,
  );
}

async function readable(path: string): Promise<string | undefined> {
  return access(path, constants.R_OK).then(
    () => path,
    () => undefined,
  );
}

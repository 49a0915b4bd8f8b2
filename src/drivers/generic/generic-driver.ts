import { once } from 'node:events';
import { access, constants, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { UserError } from '../../base/errors.js';
import { withTimeout } from '../../base/with-timeout.js';
import { type JumpHost, type Machine, reachAddress } from '../../machines/model/machine.js';
import type { Check, Driver, DriverOptions, LocalUser, MachineEvent } from '../driver.js';
import { genericSettings } from './generic-settings.js';
import { findServers } from './servers.js';

/** For the SSH port of a server; all are probed at the same time. */
const stateTimeoutMs = 3_000;

/** docker-machine's driver of the same name: it cannot start or stop servers. */
export function openGeneric({ settings, user }: DriverOptions): Driver {
  return {
    adopt: (names) => findServers(names, genericSettings.read(settings), user),

    async check(specs) {
      const sized = specs.find(({ size }) => size !== undefined);
      if (!sized) return;
      throw new UserError(`the generic driver cannot create a server of size "${sized.size}"`, {
        hint: `belt create -d generic --generic-ip-address ADDRESS ${sized.name}`,
      });
    },

    async *create(requests) {
      for (const { name } of requests) yield { type: 'done', name };
    },

    list: (known, signal) =>
      Promise.all(
        known.map(async (machine) => {
          const { host, port, proxyCommand } = firstHop(machine);
          const running =
            proxyCommand === undefined
              ? host !== '' && (await isPortOpen(host, port, signal))
              : await hasSshServer(proxyCommand, signal);
          return { name: machine.name, state: running ? 'running' : 'stopped' };
        }),
      ),

    start: unsupported('start'),
    stop: unsupported('stop'),
    kill: unsupported('kill'),
    resize: unsupported('resize'),

    async *remove(machines) {
      for (const { name } of machines) yield { type: 'done', name };
    },

    doctor: () => checkKeys(user),
  };
}

/** Of a server behind jump hosts, only the first of them is reachable from here. */
function firstHop(machine: Machine): JumpHost {
  let hop: JumpHost = { host: reachAddress(machine) ?? '', ...machine.ssh };
  while (hop.jump) hop = hop.jump;
  return hop;
}

async function hasSshServer(proxyCommand: string, signal: AbortSignal): Promise<boolean> {
  const { runProxyCommand } = await import('../../base/proxy-command.js');
  const stream = runProxyCommand(proxyCommand);
  try {
    return await withTimeout(stateTimeoutMs, signal, async (limit) => {
      const [greeting] = await once(stream, 'data', { signal: limit });
      return String(greeting).includes('SSH-');
    });
  } catch {
    if (signal.aborted) throw signal.reason;
    return false;
  } finally {
    stream.destroy();
  }
}

/** docker-machine's message. */
function unsupported(verb: string) {
  return async function* (machines: readonly Machine[]): AsyncIterable<MachineEvent> {
    for (const { name } of machines) {
      const error = new UserError(`generic driver does not support ${verb}`, {
        hint: 'use the tool that created this server; belt did not',
      });
      yield { type: 'failed', name, error };
    }
  };
}

/** A login needs a key: from the agent, from ~/.ssh, or from --generic-ssh-key. */
async function checkKeys({ agentSocket, defaultKeyPaths }: LocalUser): Promise<Check[]> {
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
          : `${agentSocket} does not exist: start one with "eval $(ssh-agent)" and ssh-add a key`,
    },
    {
      name: 'SSH keys',
      ok: keys.length > 0,
      ...(agent && { optional: true }),
      detail:
        keys.length > 0
          ? keys.join(', ')
          : 'none in ~/.ssh: create one with ssh-keygen, or set --generic-ssh-key',
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

async function isPortOpen(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  const socket = connect({ host, port });
  // A refusal may still arrive after the timeout.
  socket.on('error', () => {});
  try {
    await withTimeout(stateTimeoutMs, signal, (limit) => once(socket, 'connect', { signal: limit }));
    return true;
  } catch {
    if (signal.aborted) throw signal.reason;
    return false;
  } finally {
    socket.destroy();
  }
}

import { UserError } from '../../base/errors.js';
import { type Machine, reachAddress } from '../../machines/model/machine.js';
import type { Driver, DriverOptions, MachineEvent } from '../driver.js';
import { genericSettings } from './generic-settings.js';
import { lookForKeys } from './key-check.js';
import { answers } from './port-check.js';
import { findServers } from './servers.js';

/** How long `list` waits for the SSH port of a server; all are probed at the same time. */
const stateTimeoutMs = 3_000;

/**
 * docker-machine's driver of the same name: knows where servers are and whether they respond, but
 * cannot start or stop them.
 */
export function openGeneric({ settings, person }: DriverOptions): Driver {
  return {
    adopt: (names) => findServers(names, genericSettings.read(settings), person),

    async check(wishes) {
      const sized = wishes.find(({ size }) => size !== undefined);
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
          const { host, port } = doorOf(machine);
          const running = host !== '' && (await answers(host, port, stateTimeoutMs, signal));
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

    doctor: () => lookForKeys(person),
  };
}

/** Of a server behind a jump host, only the jump host is reachable from here. */
function doorOf(machine: Machine): { host: string; port: number } {
  return machine.ssh.jump ?? { host: reachAddress(machine) ?? '', port: machine.ssh.port };
}

/** docker-machine's message. */
function unsupported(verb: string) {
  return async function* (machines: readonly Machine[]): AsyncIterable<MachineEvent> {
    for (const { name } of machines) {
      const error = new UserError(`generic driver does not support ${verb}`, {
        hint: 'belt did not create this server: use the tool that did',
      });
      yield { type: 'failed', name, error };
    }
  };
}

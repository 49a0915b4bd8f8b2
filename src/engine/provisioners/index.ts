import { UserError } from '../../base/errors.js';
import type { Facts } from '../model/facts.js';
import { isLike } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { alpine } from './alpine.js';
import { arch } from './arch.js';
import { boot2docker } from './boot2docker.js';
import { debian, ubuntu } from './debian.js';
import { redhat } from './redhat.js';
import { suse } from './suse.js';
import { systemd } from './systemd.js';

/** Flatcar Container Linux includes the engine, on a read-only /usr, and updates as a whole. */
const flatcar: Provisioner = {
  name: 'flatcar',
  runs: isLike('flatcar', 'coreos'),
  service: systemd,
};

/** Ubuntu is also like Debian, so it comes first. */
const provisioners: readonly Provisioner[] = [
  boot2docker,
  flatcar,
  alpine,
  ubuntu,
  debian,
  suse,
  redhat,
  arch,
];

/** Systems on which an engine cannot be configured from outside, and why. */
const unsupported: readonly { ids: readonly string[]; reason: string; hint: string }[] = [
  {
    ids: ['rancheros', 'burmilla'],
    reason: 'its engine runs in a container of another engine, and only "ros" configures it',
    hint: 'use another system: RancherOS has not been maintained since 2021',
  },
  {
    ids: ['nixos'],
    reason: 'its configuration in /etc/nixos creates all of its services',
    hint: 'set virtualisation.docker in it, and add the machine with -d none',
  },
  {
    ids: ['cos'],
    reason: "it discards changes in /etc, and with them the engine's options, when it reboots",
    hint: 'use another image, or add the machine with -d none',
  },
  {
    ids: ['xcp-ng', 'xenenterprise'],
    reason: 'it is a hypervisor, and Docker belongs in its virtual machines',
    hint: 'create a virtual machine on it, and use that',
  },
];

/** Any system with systemd and an installed engine. */
const other: Provisioner = { name: 'other', runs: () => true, service: systemd };

/** @throws UserError for an unsupported system */
export function provisionerFor({ os, init, dockerd }: Facts): Provisioner {
  const refused = unsupported.find(({ ids }) => isLike(...ids)(os));
  if (refused) {
    throw new UserError(`belt cannot manage the engine of ${os.prettyName}: ${refused.reason}`, {
      hint: refused.hint,
    });
  }
  const found = provisioners.find(({ runs }) => runs(os)) ?? other;
  const { service } = found;
  if (found === other && dockerd === undefined) {
    throw new UserError(`belt does not know how to install Docker on ${os.prettyName}`, {
      hint: `use ${provisioners.map(({ name }) => name).join(', ')}, or install Docker yourself first`,
    });
  }
  if (service.init === 'other' || service.init === init) return found;
  throw new UserError(`${os.prettyName} does not run ${service.init} on this machine`, {
    hint: `use a system that runs ${service.init}`,
  });
}

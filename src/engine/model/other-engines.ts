import { UserError } from '../../base/errors.js';
import { dropInPath } from './engine-paths.js';
import type { EngineSettings } from './engine-settings.js';
import type { Facts } from './facts.js';

interface Obstacle {
  reason: string;
  hint: string;
}

/**
 * A second engine would take /run/docker.sock from the first.
 * @throws UserError that names an engine which belt cannot configure, or why it cannot install one
 */
export function refuseOtherEngines(name: string, facts: Facts, settings: EngineSettings): void {
  const obstacle =
    otherEngine(facts) ?? socketTaken(facts) ?? otherUnit(facts) ?? imageBased(facts, settings);
  if (obstacle) throw new UserError(`${name}: ${obstacle.reason}`, { hint: obstacle.hint });
}

function otherEngine(facts: Facts): Obstacle | undefined {
  const { engines, dockerd, dockerTarget, socketOwner, present, service, sums } = facts;
  const isPresent = (part: string): boolean => present.some((path) => path.includes(part));
  if (engines.some(({ program }) => isSnap(program)) || (dockerd === undefined && isPresent('/snap/'))) {
    return {
      reason: 'its engine is from the docker snap, which belt cannot configure',
      hint: 'back up its volumes and run "snap remove docker" on it, or use another machine',
    };
  }
  if (dockerd === undefined && isPresent('docker-desktop')) {
    return {
      reason: 'its engine is Docker Desktop, which belt cannot configure',
      hint: 'uninstall Docker Desktop on it, or use another machine',
    };
  }
  const rootless = engines.find(({ uid }) => uid !== 0);
  if (rootless && service.active !== 'active' && !sums.has(dropInPath)) {
    return {
      reason: `it runs a rootless engine, of user ${rootless.uid}, which belt cannot configure`,
      hint: 'run "dockerd-rootless-setuptool.sh uninstall" as that user, or use another machine',
    };
  }
  const isPodman = dockerTarget === 'podman' || dockerTarget.endsWith('/podman');
  if ((dockerd === undefined && isPodman) || String(socketOwner).includes('podman')) {
    return {
      reason: 'Podman takes the place of Docker on it',
      hint: 'remove the package podman-docker on it, or use another machine',
    };
  }
  if (dockerd === undefined && dockerTarget.endsWith('/nerdctl'))
    return { reason: `its ${facts.docker} is nerdctl`, hint: `remove ${facts.docker} on it` };
  return undefined;
}

function isSnap(program: string): boolean {
  return program.startsWith('/snap/') || program.startsWith('/var/lib/snapd/');
}

/** systemd holds the socket of an engine that is stopped. */
function socketTaken({ socketOwner, socket }: Facts): Obstacle | undefined {
  if (socketOwner === undefined || typeof socketOwner === 'string') return undefined;
  const { name, uid } = socketOwner;
  const isEngine = /^docker/.test(name) || (name === 'systemd' && socket.active === 'active');
  if (uid === 0 && isEngine) return undefined;
  return {
    reason: `another program listens on /run/docker.sock: ${name}, of user ${uid}`,
    hint: 'stop it on the machine, or use another machine',
  };
}

/** Engines of static binaries, vendors and by-hand starts. An interrupted installation continues. */
function otherUnit(facts: Facts): Obstacle | undefined {
  const { init, dockerd, service, engines, socketOwner, unfinished } = facts;
  const owner = typeof socketOwner === 'object' && /^docker/.test(socketOwner.name) ? socketOwner : undefined;
  const running = engines.find(({ uid }) => uid === 0) ?? owner;
  const hasUnits = init === 'systemd';
  // Debian masks the unit of a removed package, and unmasks it when it is installed again.
  if (hasUnits && dockerd !== undefined && service.load === 'masked') {
    return {
      reason: 'its docker.service is masked',
      hint: 'run "systemctl unmask docker.service docker.socket" on it',
    };
  }
  if (unfinished.has('install')) return undefined;
  if (hasUnits && dockerd !== undefined && service.load === 'not-found') {
    return {
      reason: `it has ${dockerd}, but no docker.service, which belt configures`,
      hint: 'add that unit (https://docs.docker.com/engine/daemon/start), or remove the engine: belt then installs one',
    };
  }
  const isStopped = hasUnits && ['inactive', 'failed'].includes(service.active);
  if (running && (dockerd === undefined || isStopped)) {
    return {
      reason: `an engine runs on it (${running.program}), but not as docker.service, which belt configures`,
      hint: 'stop that engine on the machine, then rerun',
    };
  }
  return undefined;
}

const installHints: Readonly<Record<string, string>> = {
  ostree: 'run "rpm-ostree install moby-engine && systemctl reboot" on it, then rerun',
  'transactional-update': 'run "transactional-update pkg install docker && reboot" on it, then rerun',
};

/** An engine that exists can be configured: /etc is writable. */
function imageBased({ dockerd, image, os }: Facts, { installUrl }: EngineSettings): Obstacle | undefined {
  if (dockerd !== undefined || image === undefined || installUrl !== undefined) return undefined;
  return {
    reason: `no packages can be installed on ${os.prettyName}, whose /usr is read-only`,
    hint: installHints[image] ?? 'use an image of it that contains Docker, or another system',
  };
}

import { UserError } from '../../base/errors.js';
import type { EngineSettings } from './engine-settings.js';
import type { Facts } from './facts.js';

/** The largest clock difference that TLS tolerates. */
const maxSkewSeconds = 30;
const minFreeKib = 1024;
/** The engine and its dependencies, downloaded and unpacked. */
const minFreeToInstallKib = 600 * 1024;

/**
 * @param now the local clock when the facts were collected, seconds since 1970
 * @throws UserError that names the obstacle
 */
export function refuseObstacles(name: string, facts: Facts, settings: EngineSettings, now: number): void {
  const { access, writable, freeKib, dockerd } = facts;
  if (access === 'none') {
    throw new UserError(`${name}: the SSH user is not root and sudo is not installed`, {
      hint: 'install sudo on it, or use root as the SSH user',
    });
  }
  if (!writable) {
    throw new UserError(`${name}: cannot write to /etc: read-only file system`, {
      hint: 'check "dmesg" on the machine, then run "mount -o remount,rw /" on it',
    });
  }
  const needed = dockerd === undefined ? minFreeToInstallKib : minFreeKib;
  if (freeKib !== undefined && freeKib < needed) {
    throw new UserError(`${name}: the disk is full: ${freeKib} KiB free on /, ${needed} KiB needed`, {
      hint: 'free some space on it, for example with "docker system prune"',
    });
  }
  const skew = clockSkew(facts, now);
  if (settings.access === 'secure' && Math.abs(skew) > maxSkewSeconds) throw skewError(name, skew);
}

/** In seconds; positive when the machine's clock is ahead. */
function clockSkew({ clock }: Facts, now: number): number {
  return Math.round(clock - now);
}

function skewError(name: string, skew: number): UserError {
  const direction = skew > 0 ? 'ahead of' : 'behind';
  return new UserError(
    `${name}: its clock is ${Math.abs(skew)} s ${direction} this computer's, and TLS requires synchronized clocks`,
    { hint: 'synchronize the clocks with "timedatectl set-ntp true", or disable TLS: --engine-access local' },
  );
}

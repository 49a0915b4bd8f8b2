import { readFileSync } from 'node:fs';
import { osReleases } from './os-releases.js';
import type { Servers } from './servers.js';

type Guest = 'alpine' | 'boot2docker' | 'busybox' | 'flatcar' | 'rpm';

/**
 * Runs scripts of test/lab/guests in one shell; each script's header lists what is real and what is
 * emulated.
 */
export function runGuestScripts(servers: Servers, name: string, ...guests: readonly Guest[]): void {
  servers.sh(name, guests.map((guest) => readFileSync(`test/lab/guests/${guest}.sh`, 'utf8')).join('\n'));
}

/** Replaces the server's /etc/os-release with another system's. */
export function setOsRelease(servers: Servers, name: string, os: keyof typeof osReleases): void {
  servers.sh(name, `rm -f /etc/os-release\ncat >/etc/os-release <<'END'\n${osReleases[os]}\nEND`);
}

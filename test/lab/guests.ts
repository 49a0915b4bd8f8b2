import { readFileSync } from 'node:fs';
import { osReleases } from './os-releases.js';
import type { Servers } from './servers.js';

type Guest = 'alpine' | 'boot2docker' | 'busybox' | 'flatcar' | 'rpm';

/** Runs scripts of test/lab/guests in one shell; each states what is real afterwards and what is not. */
export function makeInto(servers: Servers, name: string, ...guests: readonly Guest[]): void {
  servers.sh(name, guests.map((guest) => readFileSync(`test/lab/guests/${guest}.sh`, 'utf8')).join('\n'));
}

/** Gives the server another system's name. */
export function dress(servers: Servers, name: string, os: keyof typeof osReleases): void {
  servers.sh(name, `rm -f /etc/os-release\ncat >/etc/os-release <<'END'\n${osReleases[os]}\nEND`);
}

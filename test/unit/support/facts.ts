import type { Facts } from '../../../src/engine/facts.js';
import { parseOsRelease } from '../../../src/engine/os-release.js';
import {
  defaultEngineSettings,
  type EngineSettings,
  enginePorts,
} from '../../../src/machines/engine-settings.js';

/** What machines answered, as far as belt reads it: files of real systems, from their packages and documentation. */

export const debianUnit = `# /usr/lib/systemd/system/docker.service
[Unit]
Description=Docker Application Container Engine
Requires=docker.socket

[Service]
Type=notify
EnvironmentFile=-/etc/default/docker
ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
ExecReload=/bin/kill -s HUP $MAINPID

[Install]
WantedBy=multi-user.target
`;

const running = { load: 'loaded', active: 'active', file: 'enabled' };

export function factsOf(osRelease: string, change: Partial<Facts> = {}): Facts {
  return {
    os: parseOsRelease(osRelease),
    access: 'root',
    init: 'systemd',
    hostname: 'node1',
    clock: 1_000_000,
    docker: '/usr/bin/docker',
    dockerd: '/usr/sbin/dockerd',
    service: running,
    socket: running,
    unitText: debianUnit,
    files: new Map(),
    sums: new Map(),
    writable: true,
    freeKib: 10_000_000,
    cloudInit: 'absent',
    ...change,
  };
}

/** The same without an engine. */
export function bareFactsOf(osRelease: string, change: Partial<Facts> = {}): Facts {
  const { docker: _docker, dockerd: _dockerd, ...facts } = factsOf(osRelease, change);
  const missing = { load: 'not-found', active: 'inactive', file: '' };
  return { ...facts, service: missing, socket: missing, unitText: '' };
}

export function settingsOf(change: Partial<EngineSettings> = {}): EngineSettings {
  const access = change.access ?? defaultEngineSettings.access;
  return { ...defaultEngineSettings, port: enginePorts[access], ...change };
}

export const osReleases = {
  debian: 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"',
  raspbian: 'ID=raspbian\nID_LIKE=debian',
  ubuntu: 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"',
  mint: 'ID=linuxmint\nID_LIKE="ubuntu debian"',
  rocky: 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"',
  alma: 'ID="almalinux"\nID_LIKE="rhel centos fedora"',
  centos: 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="9"',
  rhel: 'ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.4"',
  oracle: 'ID="ol"\nID_LIKE="fedora"',
  fedora: 'ID=fedora\nVERSION_ID=42',
  amazon: 'ID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"',
  leap: 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.6"',
  sles: 'ID="sles"\nID_LIKE="suse"\nVERSION_ID="15.6"',
  alpine: 'ID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME="Alpine Linux v3.20"',
  flatcar: 'ID=flatcar\nID_LIKE=coreos\nVERSION_ID=3975.2.2',
  boot2docker: 'ID=boot2docker\nID_LIKE=tcl\nVERSION_ID=19.03.12',
};

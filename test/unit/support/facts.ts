import { type Plan, type PlanInput, planEngine } from '../../../src/engine/model/engine-plan.js';
import {
  defaultEngineSettings,
  type EngineSettings,
  enginePorts,
} from '../../../src/engine/model/engine-settings.js';
import type { Facts } from '../../../src/engine/model/facts.js';
import { parseOsRelease } from '../../../src/engine/model/os-release.js';
import { provisionerFor } from '../../../src/engine/provisioners/index.js';

/**
 * What machines report, as far as belt reads it: files of real systems, from their packages and
 * documentation.
 */

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
    dockerTarget: '/usr/bin/docker',
    engines: [],
    present: [],
    service: running,
    socket: running,
    unitText: debianUnit,
    files: new Map(),
    sums: new Map(),
    newer: new Set(),
    unfinished: new Set(),
    writable: true,
    freeKib: 10_000_000,
    cloudInit: 'absent',
    ...change,
  };
}

/** The same without an engine. */
export function bareFactsOf(osRelease: string, change: Partial<Facts> = {}): Facts {
  const {
    dockerd: _dockerd,
    docker: _docker,
    ...facts
  } = factsOf(osRelease, { dockerTarget: '', ...change });
  const missing = { load: 'not-found', active: 'inactive', file: '' };
  const docker = change.docker !== undefined && { docker: change.docker };
  return { ...facts, ...docker, service: missing, socket: missing, unitText: '' };
}

export function settingsOf(change: Partial<EngineSettings> = {}): EngineSettings {
  const access = change.access ?? defaultEngineSettings.access;
  return { ...defaultEngineSettings, port: enginePorts[access], ...change };
}

/** The plan for a machine with these facts, using its system's provisioner. */
export function planFor(facts: Facts, input: PlanInput): Plan {
  return planEngine(provisionerFor(facts), facts, input);
}

import { Flags } from '@oclif/core';
import { engineAccesses, engineOptionKeys } from '../engine/model/engine-options.js';
import { engineFlag } from '../state/engine-section.js';
import type { SettingSources } from '../state/settings.js';

const group = { helpGroup: 'ENGINE' };
const several = { ...group, multiple: true, multipleNonGreedy: true } as const;

/** docker-machine's engine flags, `--engine-access` and `--tune-swarm`. */
export const engineFlags = {
  'engine-access': Flags.string({
    ...group,
    summary:
      'Serve TCP 2376 with mutual TLS (secure, the default), TCP 2375 without TLS (insecure), or SSH only (local)',
    options: engineAccesses as string[],
  }),
  'engine-install-url': Flags.string({
    ...group,
    summary: "Install script to use instead of the distribution's package [$MACHINE_DOCKER_INSTALL_URL]",
    helpValue: 'URL',
  }),
  'engine-opt': Flags.string({ ...several, summary: 'Any dockerd option', helpValue: 'FLAG=VALUE' }),
  'engine-insecure-registry': Flags.string({
    ...several,
    summary: 'Registry to use without TLS',
    helpValue: 'HOST',
  }),
  'engine-registry-mirror': Flags.string({
    ...several,
    summary: 'Registry mirror [$ENGINE_REGISTRY_MIRROR]',
    helpValue: 'URL',
  }),
  'engine-label': Flags.string({ ...several, summary: 'Engine label', helpValue: 'KEY=VALUE' }),
  'engine-storage-driver': Flags.string({ ...group, summary: 'Storage driver', helpValue: 'NAME' }),
  'engine-env': Flags.string({
    ...several,
    summary: 'Environment variable of the engine',
    helpValue: 'KEY=VALUE',
  }),
  'tls-san': Flags.string({
    ...several,
    summary: "Additional name or address in the engine's certificate",
    helpValue: 'NAME',
  }),
  'tune-swarm': Flags.boolean({
    ...group,
    summary: 'Apply kernel settings for swarms of hundreds of machines',
  }),
};

export interface GivenEngineFlags {
  'engine-access'?: string | undefined;
  'engine-install-url'?: string | undefined;
  'engine-opt'?: string[] | undefined;
  'engine-insecure-registry'?: string[] | undefined;
  'engine-registry-mirror'?: string[] | undefined;
  'engine-label'?: string[] | undefined;
  'engine-storage-driver'?: string | undefined;
  'engine-env'?: string[] | undefined;
  'tls-san'?: string[] | undefined;
  'tune-swarm'?: boolean | undefined;
}

/** The given values, by their key in settings files. */
export function givenEngineSettings(flags: GivenEngineFlags): NonNullable<SettingSources['flags']> {
  return Object.fromEntries(
    engineOptionKeys.map((word) => [word, flags[engineFlag(word) as keyof GivenEngineFlags]]),
  );
}

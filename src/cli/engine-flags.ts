import { Flags } from '@oclif/core';
import { engineAccesses, engineWords } from '../engine/model/engine-options.js';
import { engineFlag } from '../state/engine-section.js';
import type { SettingSources } from '../state/settings.js';

const group = { helpGroup: 'ENGINE' };
const several = { ...group, multiple: true, multipleNonGreedy: true } as const;

/** How engines are to be; docker-machine's flags, and belt's own `--engine-access` and `--tune-swarm`. */
export const engineFlags = {
  'engine-access': Flags.string({
    ...group,
    summary:
      'secure (the default): TCP 2376 with mutual TLS; insecure: TCP 2375 for everybody; local: SSH only',
    options: engineAccesses as string[],
  }),
  'engine-install-url': Flags.string({
    ...group,
    summary:
      "script to install the engine with, where it is missing, instead of the distribution's package [$MACHINE_DOCKER_INSTALL_URL]",
    helpValue: 'URL',
  }),
  'engine-opt': Flags.string({ ...several, summary: "any option of dockerd's", helpValue: 'FLAG=VALUE' }),
  'engine-insecure-registry': Flags.string({
    ...several,
    summary: 'a registry to talk to without TLS',
    helpValue: 'HOST',
  }),
  'engine-registry-mirror': Flags.string({
    ...several,
    summary: 'a mirror of the registry [$ENGINE_REGISTRY_MIRROR]',
    helpValue: 'URL',
  }),
  'engine-label': Flags.string({ ...several, summary: 'a label of the engine', helpValue: 'KEY=VALUE' }),
  'engine-storage-driver': Flags.string({ ...group, summary: 'storage driver', helpValue: 'NAME' }),
  'engine-env': Flags.string({
    ...several,
    summary: "a variable of the engine's process",
    helpValue: 'KEY=VALUE',
  }),
  'tls-san': Flags.string({
    ...several,
    summary: "a further name or address in the engine's certificate",
    helpValue: 'NAME',
  }),
  'tune-swarm': Flags.boolean({ ...group, summary: 'kernel settings for swarms of hundreds of machines' }),
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

/** What was given, as settings files have it. */
export function engineWordsGiven(flags: GivenEngineFlags): NonNullable<SettingSources['flags']> {
  return Object.fromEntries(
    engineWords.map((word) => [word, flags[engineFlag(word) as keyof GivenEngineFlags]]),
  );
}

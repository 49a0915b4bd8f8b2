import * as z from 'zod/mini';
import { defaultEngineSettings, type EngineSettings } from '../engine/model/engine-settings.js';

/** Engine settings in config.json: docker-machine's fields in `HostOptions`, the rest in `Belt`. */

const list = z.optional(z.nullable(z.array(z.string())));
const text = z.optional(z.nullable(z.string()));

export const hostOptionsShape = z.optional(
  z.looseObject({
    EngineOptions: z.optional(
      z.looseObject({
        ArbitraryFlags: list,
        Env: list,
        InsecureRegistry: list,
        Labels: list,
        RegistryMirror: list,
        StorageDriver: text,
        InstallURL: text,
        TlsVerify: z.optional(z.boolean()),
      }),
    ),
    AuthOptions: z.optional(z.looseObject({ ServerCertSANs: list })),
  }),
);

export const beltEngineShape = z.object({
  Access: z.enum(['secure', 'insecure', 'local']),
  Port: z.number(),
  TuneSwarm: z.boolean(),
});

type HostOptions = z.infer<typeof hostOptionsShape>;
type BeltEngine = z.infer<typeof beltEngineShape>;

/** @returns undefined when no engine settings are recorded */
export function engineOf(host: HostOptions, belt: BeltEngine | undefined): EngineSettings | undefined {
  if (!belt) return undefined;
  return { ...optionsOf(host), access: belt.Access, port: belt.Port, tuneSwarm: belt.TuneSwarm };
}

/** docker-machine's engines always use TLS, on the port of the driver's URL. */
export function dockerMachineEngineOf(host: HostOptions, port: unknown): EngineSettings | undefined {
  if (!host?.EngineOptions?.TlsVerify) return undefined;
  return { ...optionsOf(host), ...(typeof port === 'number' && port > 0 && { port }) };
}

function optionsOf(host: HostOptions): EngineSettings {
  const { EngineOptions: options = {}, AuthOptions: auth = {} } = host ?? {};
  return {
    ...defaultEngineSettings,
    tlsSans: auth.ServerCertSANs ?? [],
    ...(options.InstallURL && options.InstallURL !== defaultInstallUrl && { installUrl: options.InstallURL }),
    ...(options.StorageDriver && { storageDriver: options.StorageDriver }),
    insecureRegistries: options.InsecureRegistry ?? [],
    registryMirrors: options.RegistryMirror ?? [],
    labels: options.Labels ?? [],
    env: options.Env ?? [],
    options: options.ArbitraryFlags ?? [],
  };
}

/** docker-machine records its default as if it had been given. */
const defaultInstallUrl = 'https://get.docker.com';

/** @param previous the recorded options; docker-machine needs its default `InstallURL` kept */
export function engineOptions(
  engine: EngineSettings,
  previous: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const unset = previous['InstallURL'] === defaultInstallUrl ? defaultInstallUrl : '';
  return {
    ArbitraryFlags: engine.options,
    Env: engine.env,
    InsecureRegistry: engine.insecureRegistries,
    Labels: engine.labels,
    RegistryMirror: engine.registryMirrors,
    StorageDriver: engine.storageDriver ?? '',
    InstallURL: engine.installUrl ?? unset,
    TlsVerify: engine.access === 'secure',
  };
}

export function beltEngine({ access, port, tuneSwarm }: EngineSettings): BeltEngine {
  return { Access: access, Port: port, TuneSwarm: tuneSwarm };
}

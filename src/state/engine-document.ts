import * as z from 'zod/mini';
import { defaultEngineSettings, type EngineSettings } from '../engine/model/engine-settings.js';

/**
 * The engine's settings in a machine's config.json: in docker-machine's words in
 * `HostOptions.EngineOptions` and `AuthOptions.ServerCertSANs`, and in `Belt.Engine` what it had no
 * word for.
 */

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

/**
 * The engine of a machine that docker-machine made: always with TLS, on the port in its driver's
 * URL.
 */
export function dockerMachineEngineOf(host: HostOptions, port: unknown): EngineSettings | undefined {
  if (!host?.EngineOptions?.TlsVerify) return undefined;
  return { ...optionsOf(host), ...(typeof port === 'number' && port > 0 && { port }) };
}

function optionsOf(host: HostOptions): EngineSettings {
  const { EngineOptions: options = {}, AuthOptions: auth = {} } = host ?? {};
  return {
    ...defaultEngineSettings,
    tlsSans: auth.ServerCertSANs ?? [],
    ...(options.InstallURL && options.InstallURL !== dockersOwnScript && { installUrl: options.InstallURL }),
    ...(options.StorageDriver && { storageDriver: options.StorageDriver }),
    insecureRegistries: options.InsecureRegistry ?? [],
    registryMirrors: options.RegistryMirror ?? [],
    labels: options.Labels ?? [],
    env: options.Env ?? [],
    options: options.ArbitraryFlags ?? [],
  };
}

/** docker-machine writes down its default as if it had been given. */
const dockersOwnScript = 'https://get.docker.com';

/**
 * @param before what stands there; docker-machine's own default for the script stays, since
 * docker-machine needs it.
 */
export function engineOptions(
  engine: EngineSettings,
  before: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const unset = before['InstallURL'] === dockersOwnScript ? dockersOwnScript : '';
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

import { clientAccess } from '../../engine/client-access.js';
import { oneNamedOrActive } from '../../machines/default-machine.js';
import { notASwarmMaster } from './print-env.js';
import type { Local, LocalResult } from './records.js';

export const configFlags = { swarm: { type: 'boolean' } } as const;

interface ClientConfig {
  name: string;
  url: string;
  /** Paths. Default: the engine has no TLS. */
  tls?: { authority: string; certificate: string; key: string };
}

/** The Docker client's flags for a machine: `docker $(belt config NODE) ps`. */
export async function config({
  flags,
  words,
  cluster,
}: Local<typeof configFlags>): Promise<LocalResult<ClientConfig>> {
  const name = await oneNamedOrActive(words, cluster);
  const { url, certificates } = await clientAccess(name, cluster);
  if (flags.swarm) throw notASwarmMaster(name);
  const tls = certificates && [
    '--tlsverify',
    `--tlscacert=${JSON.stringify(certificates.authority)}`,
    `--tlscert=${JSON.stringify(certificates.certificate)}`,
    `--tlskey=${JSON.stringify(certificates.key)}`,
  ];
  return {
    text: [...(tls ?? []), `-H=${url}`].join('\n'),
    document: { name, url, ...(certificates && { tls: certificates }) },
    cluster,
    output: flags,
  };
}

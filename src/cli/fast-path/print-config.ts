import { clientAccess } from '../../engine/client-access.js';
import { oneNamedOrChosen } from '../../machines/default-machine.js';
import { notASwarmMaster } from './print-env.js';
import { type LocalAnswer, openLocal } from './records.js';

export const configFlags = { swarm: { type: 'boolean' } } as const;

/** The options with which a Docker client reaches the machine, for `docker $(belt config NODE) ps`. */
export async function config(argv: readonly string[]): Promise<LocalAnswer> {
  const { flags, words, cluster } = await openLocal(argv, configFlags);
  const name = await oneNamedOrChosen(words, cluster);
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
  };
}

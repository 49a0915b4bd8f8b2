import { endpointOf } from '../../engine/client-access.js';
import { oneNamedOrChosen } from '../../machines/default-machine.js';
import { type LocalAnswer, openLocal } from './records.js';

/** Where a Docker client finds the machine's engine. */
export async function url(argv: readonly string[]): Promise<LocalAnswer> {
  const { words, cluster } = await openLocal(argv, {});
  const name = await oneNamedOrChosen(words, cluster);
  const endpoint = endpointOf(await cluster.machine(name));
  return { text: endpoint.url, document: { name, url: endpoint.url }, cluster };
}

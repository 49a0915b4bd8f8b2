import { endpointOf } from '../../engine/client-access.js';
import { oneNamedOrActive } from '../../machines/default-machine.js';
import { oneLine } from '../../ui/safe-text.js';
import type { Local, LocalResult } from './records.js';

export const urlFlags = {};

export async function url({
  words,
  cluster,
  flags,
}: Local<typeof urlFlags>): Promise<LocalResult<{ name: string; url: string }>> {
  const name = await oneNamedOrActive(words, cluster);
  const endpoint = endpointOf(await cluster.machine(name));
  return { text: oneLine(endpoint.url), document: { name, url: endpoint.url }, cluster, output: flags };
}

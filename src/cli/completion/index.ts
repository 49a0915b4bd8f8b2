import { listClusters } from '../../state/cluster-index.js';
import { readEnvironment } from '../../state/environment.js';
import { locateState } from '../../state/locate-state.js';
import { openPlugins } from '../../state/plugin-store.js';
import { oneLine } from '../../ui/safe-text.js';
import { openLocal } from '../fast-path/records.js';
import { driversOf } from '../open-drivers.js';
import { readCommands } from './command-tree.js';
import { complete, type Names } from './complete.js';

/**
 * Prints one candidate per line, with a tab and a summary if it has one, and `:files` if the shell
 * should also offer files, for the scripts in templates/completion.
 * Prints no errors, which would garble the line being typed.
 */
export async function runComplete(words: readonly string[], root: string): Promise<void> {
  const { candidates, files } = await complete(words, await readCommands(root), namesFor(words, root));
  const lines = [...candidates].map(([value, text]) => (text === '' ? value : `${value}\t${oneLine(text)}`));
  if (files) lines.push(':files');
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

function namesFor(words: readonly string[], root: string): Names {
  return {
    services: async () => {
      const { serviceNames } = await import('./run-docker-completion.js');
      return serviceNames(clusterFlagsIn(words), root);
    },
    docker: async (own, dockerWords) => {
      const { completeDocker } = await import('./run-docker-completion.js');
      return completeDocker(own, dockerWords, root);
    },
    machines: () =>
      emptyOnError(async () => {
        const { cluster } = await openLocal(clusterFlagsIn(words), {});
        return (await cluster.machines()).machines.map(({ name }) => name);
      }),
    clusters: () => emptyOnError(async () => listClusters((await locateState(readEnvironment())).root)),
    drivers: () => emptyOnError(async () => (await driversOf(openPlugins(readEnvironment()))).names),
  };
}

/** The flags that select the cluster. */
function clusterFlagsIn(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    if (/^(--cluster|--storage-path)=/.test(word)) return [word];
    const value = words[index + 1];
    const selectsCluster = /^(--cluster|--storage-path|-s)$/.test(word);
    return selectsCluster && value !== undefined ? [word, value] : [];
  });
}

async function emptyOnError(names: () => Promise<readonly string[]>): Promise<readonly string[]> {
  return names().catch(() => []);
}

import { Flags } from '@oclif/core';
import type { GroupWords } from '../clusters/requested-groups.js';
import { argument } from './flags.js';

/** Groups on the command line instead of in config.yml. */
export const groupFlags = {
  manager: Flags.string({
    summary: 'Managers, if config.yml has no groups',
    helpValue: 'NODES',
    multiple: true,
    multipleNonGreedy: true,
  }),
  'manager-size': Flags.string({ summary: 'Size of the managers', helpValue: 'SIZE' }),
  'worker-size': Flags.string({ summary: 'Size of the workers', helpValue: 'SIZE' }),
  // Swarms before Docker 1.12 had a secret; join tokens replaced it.
  secret: Flags.string({ hidden: true }),
  prune: Flags.boolean({ summary: 'Also remove machines and nodes that are not in any group' }),
};

export const workersArgument = { nodes: argument('Workers, if config.yml has no groups') };

interface GivenGroups {
  manager?: string[] | undefined;
  'manager-size'?: string | undefined;
  'worker-size'?: string | undefined;
}

export function groupWords(flags: GivenGroups, workers: readonly string[]): GroupWords {
  return {
    managers: flags.manager ?? [],
    managerSize: flags['manager-size'],
    workers,
    workerSize: flags['worker-size'],
  };
}

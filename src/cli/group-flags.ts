import { Flags } from '@oclif/core';
import type { GroupWords } from '../clusters/requested-groups.js';
import { argument } from './flags.js';

/** What the cluster is to be, on the command line instead of in config.yml; as in the 2016 belt. */
export const groupFlags = {
  manager: Flags.string({
    summary: 'the managers, where config.yml names no groups',
    helpValue: 'NODES',
    multiple: true,
    multipleNonGreedy: true,
  }),
  'manager-size': Flags.string({ summary: 'their size', helpValue: 'SIZE' }),
  'worker-size': Flags.string({ summary: 'the size of the workers', helpValue: 'SIZE' }),
  // Of swarms before Docker 1.12: join tokens do its work.
  secret: Flags.string({ hidden: true }),
  prune: Flags.boolean({ summary: 'also remove what no group names' }),
};

export const workersArgument = { nodes: argument('the workers, where config.yml names no groups') };

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

import { shellWord } from '../../base/quote-args.js';
import { splitOptions } from '../model/daemon-file.js';
import { daemonOptions, engineSocket, optionWord, refuseTcpIn } from '../model/daemon-options.js';
import { etcCertificates, openrcPath } from '../model/engine-paths.js';
import { withMarkedBlock } from '../model/managed-files.js';
import type { EngineService } from '../model/provisioner.js';

/** Alpine's service reads `DOCKER_OPTS` from /etc/conf.d/docker (openrc-run(8)). */
export const openrc: EngineService = {
  init: 'openrc',
  certificates: etcCertificates,
  files(facts, settings) {
    const split = splitOptions(facts.files, daemonOptions(settings, etcCertificates));
    const socket = split.fileHasHosts ? [] : [`--host=${engineSocket}`];
    const words = [...socket, ...split.flags.map(optionWord)].map(shellWord).join(' ');
    const before = facts.files.get(openrcPath) ?? '';
    refuseTcpIn(openrcPath, withMarkedBlock(before, []));
    const content = withMarkedBlock(before, [
      ...settings.env.map((assignment) => `export ${shellAssignment(assignment)}`),
      `DOCKER_OPTS="$DOCKER_OPTS ${words.replaceAll(/[\\"$`]/g, '\\$&')}"`,
    ]);
    return [
      ...split.files,
      { path: openrcPath, content, mode: 0o644, shared: true, why: "the engine's options" },
    ];
  },
  commands: {
    reload: 'true',
    enable: 'rc-update --quiet add docker default',
    restart: 'rc-service docker restart',
    start: 'rc-service docker start',
    stop: 'rc-service docker stop',
    isActive: 'rc-service --quiet docker status',
    journal: 'tail -n 30 /var/log/docker.log',
  },
};

/** Quotes the value: `KEY='a b'`. */
export function shellAssignment(assignment: string): string {
  const at = assignment.indexOf('=');
  return `${assignment.slice(0, at)}=${shellWord(assignment.slice(at + 1))}`;
}

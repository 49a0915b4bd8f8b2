import { UserError } from '../../base/errors.js';
import { type OptionSplit, splitOptions } from '../model/daemon-file.js';
import {
  accessKeys,
  daemonOptions,
  engineSocket,
  isSameSetting,
  isTcpHost,
  optionWord,
  refuseTcpIn,
} from '../model/daemon-options.js';
import { daemonFilePath, dropInPath, etcCertificates, variablePaths } from '../model/engine-paths.js';
import type { EngineSettings } from '../model/engine-settings.js';
import type { Facts } from '../model/facts.js';
import type { EngineService } from '../model/provisioner.js';
import { commandWord, startCommand, unitWord } from '../model/systemd-unit.js';

export const systemd: EngineService = {
  init: 'systemd',
  certificates: etcCertificates,
  files(facts, settings) {
    const split = splitOptions(facts.files, daemonOptions(settings, etcCertificates));
    return [
      ...split.files,
      {
        path: dropInPath,
        content: dropIn(facts, settings, split),
        mode: 0o644,
        why: "the engine's options",
      },
    ];
  },
  commands: {
    reload: 'systemctl daemon-reload',
    // Enabling again costs more than a restart: it runs update-rc.d and a reload on Debian.
    enable:
      '[ "$(systemctl is-enabled docker.service 2>/dev/null)" = enabled ] || systemctl enable --quiet docker.service',
    // A unit that failed repeatedly refuses to start (StartLimitBurst).
    restart:
      'systemctl reset-failed docker.service docker.socket 2>/dev/null; systemctl restart docker.service',
    start: 'systemctl reset-failed docker.service docker.socket 2>/dev/null; systemctl start docker.service',
    stop: 'systemctl stop docker.service',
    isActive: 'systemctl is-active docker.service | grep -Eqx "active|activating"',
    // The last output of the process may not have reached the journal yet.
    journal:
      'journalctl --sync 2>/dev/null; journalctl --unit=docker.service --since="@$began" --lines=30 --no-pager --output=cat',
  },
};

/**
 * Appends belt's options to the start command that the machine has without belt, which may contain
 * `-H fd://`, `--containerd` or `$DOCKER_OPTS`. docker.socket stays: a restart of docker.service
 * passes it on.
 */
function dropIn(facts: Facts, { env }: EngineSettings, split: OptionSplit): string {
  const { flags, fileHasHosts } = split;
  for (const path of variablePaths) {
    if (facts.unitText.includes(path)) refuseTcpIn(path, facts.files.get(path) ?? '');
  }
  const [program = facts.dockerd ?? '/usr/bin/dockerd', ...words] =
    startCommand(facts.unitText, dropInPath) ?? [];
  if (/\/\w*sh$/.test(program)) {
    throw new UserError(`docker.service starts the engine through ${program}, which ignores belt's options`, {
      hint: 'let its ExecStart= run dockerd itself',
    });
  }
  const kept = withoutOptions(words, (flag, value) => {
    if (flag === 'config-file') requireDaemonFile(value);
    return isReplaced(flag, value, split);
  });
  const listens = kept.some((word) => /^(-H|--host)/.test(word));
  const socket = listens || fileHasHosts ? [] : [`--host=${engineSocket}`];
  const own = flags.map((option) => commandWord(optionWord(option)));
  return [
    "# Managed by belt, which overwrites it when the engine's settings change.",
    '[Service]',
    ...env.map((assignment) => `Environment=${unitWord(assignment)}`),
    'ExecStart=',
    `ExecStart=${[program, ...kept, ...socket, ...own].join(' ')}`,
    '',
  ].join('\n');
}

function requireDaemonFile(path: string): void {
  if (path === daemonFilePath) return;
  throw new UserError(
    `docker.service starts the engine with --config-file=${path}, which belt does not read`,
    {
      hint: `move that file to ${daemonFilePath}, and remove the option`,
    },
  );
}

/** Whether belt replaces an option of the packaged command: TCP, TLS, and what it sets itself. */
function isReplaced(flag: string, value: string, { flags, inFile, fileHasHosts }: OptionSplit): boolean {
  if (flag === 'H' || flag === 'host') return fileHasHosts || isTcpHost(value);
  if (accessKeys.has(flag)) return true;
  if (inFile.some((option) => option.flag === flag)) return true;
  return flags.some((option) => isSameSetting(option, flag, value));
}

/** Handles `--flag=value`, `--flag value`, `-H value`, `-Hvalue` and switches. */
function withoutOptions(
  words: readonly string[],
  isRemoved: (flag: string, value: string) => boolean,
): string[] {
  const kept: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string;
    const [, flag, , attached] =
      /^-{1,2}([A-Za-z][\w-]*)(=(.*))?$/.exec(word) ?? /^-(H)(=?)(.+)$/.exec(word) ?? [];
    const next = words[index + 1];
    const separate = attached === undefined && next !== undefined && !/^[-$]/.test(next) ? next : undefined;
    if (flag === undefined || !isRemoved(flag, unquoted(attached ?? separate ?? ''))) {
      kept.push(word);
      continue;
    }
    if (separate !== undefined) index++;
  }
  return kept;
}

function unquoted(word: string): string {
  return word.replaceAll(/^["']|["']$/g, '');
}

import { createHash } from 'node:crypto';
import { shellWord } from '../../base/quote-args.js';
import type { Template } from '../../base/templates.js';
import type { ServerCertificate } from '../../certs/model/certificate-terms.js';
import { daemonFilePath, daemonFileWrittenPath, sysctlPath } from './engine-paths.js';
import { type EngineSettings, forbiddenPorts } from './engine-settings.js';
import type { Facts } from './facts.js';
import type { EngineFile, Provisioner } from './provisioner.js';

export interface PlanInput {
  settings: EngineSettings;
  /** Required for `secure`. */
  certificate?: ServerCertificate;
  hostname?: string;
  /** The kernel settings that `tuneSwarm` writes. */
  sysctl?: string;
}

interface PlannedFile extends EngineFile {
  /** Whether a different file exists at the path. */
  exists: boolean;
  secret: boolean;
}

export interface Plan {
  /** Such as `Debian GNU/Linux 13 (trixie)`. */
  system: string;
  provisioner: Provisioner;
  /** Set when the engine is missing; the rest is then planned again after the installation. */
  install?: { from: string; script: Template };
  /** Only files that differ. */
  files: PlannedFile[];
  /** Additional commands; a failure is a warning. */
  commands: { run: string; why: string }[];
  /** The reason to restart the engine; undefined when it keeps running. */
  restart?: string;
}

/** @throws UserError for an unsupported system or a daemon.json that cannot be merged */
export function planEngine(
  provisioner: Provisioner,
  facts: Facts,
  { settings, certificate, hostname, sysctl }: PlanInput,
): Plan {
  const { service } = provisioner;
  const ownFiles = [
    ...(settings.access === 'secure' && certificate ? certificateFiles(provisioner, certificate) : []),
    ...service.files(facts, settings),
  ];
  const engineFiles = ownFiles.filter((file) => differs(file, facts));
  const kernelFiles = sysctlFiles(sysctl).filter((file) => differs(file, facts));
  const isMissing = facts.dockerd === undefined || facts.unfinished.has('install');
  const install = isMissing ? installation(provisioner, facts, settings) : undefined;
  const restart =
    engineFiles.length > 0
      ? 'its options or certificates change'
      : (startReason(facts, provisioner) ?? outdatedReason(facts, settings, ownFiles));
  return {
    system: facts.os.prettyName,
    provisioner,
    ...(install && { install }),
    files: [...engineFiles, ...kernelFiles].map((file) => ({
      ...file,
      exists: facts.files.has(file.path) || facts.sums.has(file.path),
      secret: file.path === service.certificates.key || file.path === daemonFilePath,
    })),
    commands: [
      ...hostnameCommands(facts, hostname),
      ...(kernelFiles.length > 0 || (sysctl !== undefined && facts.unfinished.has('commands'))
        ? [{ run: `sysctl -q -e -p ${sysctlPath}`, why: 'kernel settings for large swarms' }]
        : []),
    ],
    ...(restart !== undefined && { restart }),
  };
}

export function planHostname(provisioner: Provisioner, facts: Facts, hostname: string): Plan {
  return {
    system: facts.os.prettyName,
    provisioner,
    files: [],
    commands: hostnameCommands(facts, hostname),
  };
}

export function isEmptyPlan({ install, files, commands, restart }: Plan): boolean {
  return install === undefined && files.length + commands.length === 0 && restart === undefined;
}

export function describePlan(plan: Plan): string[] {
  if (isEmptyPlan(plan)) return ['nothing to do'];
  return [
    ...(plan.install ? [`install Docker from ${plan.install.from}`] : []),
    ...plan.files.map(({ path, exists, why }) => `${exists ? 'change' : 'write'} ${path} (${why})`),
    ...plan.commands.map(({ run, why }) => `run "${run}" (${why})`),
    ...(plan.restart === undefined ? [] : [`restart the engine (${plan.restart})`]),
  ];
}

function certificateFiles({ service }: Provisioner, pem: ServerCertificate): EngineFile[] {
  const { certificates } = service;
  return [
    { path: certificates.ca, content: pem.ca, mode: 0o644, why: "the cluster's authority" },
    {
      path: certificates.certificate,
      content: pem.certificate,
      mode: 0o644,
      why: "the engine's certificate",
    },
    { path: certificates.key, content: pem.key, mode: 0o600, why: "the certificate's key" },
  ];
}

function sysctlFiles(content: string | undefined): EngineFile[] {
  if (content === undefined) return [];
  return [{ path: sysctlPath, content, mode: 0o644, why: 'kernel settings for large swarms' }];
}

function differs({ path, content }: EngineFile, { files, sums }: Facts): boolean {
  const current = files.get(path);
  if (current !== undefined) return current !== content;
  return sums.get(path) !== createHash('sha256').update(content).digest('hex');
}

function installation(
  { name, install }: Provisioner,
  { os }: Facts,
  { installUrl }: EngineSettings,
): Plan['install'] {
  if (installUrl !== undefined) {
    const script = { name: 'packages/url.sh', values: { url: shellWord(installUrl) } };
    return { from: installUrl, script };
  }
  return install && { from: `${name}'s packages`, script: install(os) };
}

function startReason({ service }: Facts, provisioner: Provisioner): string | undefined {
  const systemd = provisioner.service.init === 'systemd';
  return systemd && service.active !== 'active' && service.active !== 'activating'
    ? `it is ${service.active}`
    : undefined;
}

/** Why the running engine differs from its files, which are as recorded. */
function outdatedReason(
  { unfinished, service, newer, listening, files }: Facts,
  settings: EngineSettings,
  ownFiles: readonly EngineFile[],
): string | undefined {
  if (unfinished.has('engine')) return 'an earlier change was interrupted';
  if (service.needsReload) return 'systemd has not read its changed unit files';
  const open = forbiddenPorts(settings).find((port) => listening?.has(port));
  if (open !== undefined) return `it still listens on port ${open}`;
  if (settings.access !== 'local' && listening && !listening.has(settings.port))
    return `it does not listen on port ${settings.port}`;
  // Others may reload the engine after they changed a daemon.json of their own.
  const isOwnDaemonFile =
    files.has(daemonFilePath) && files.get(daemonFilePath) === files.get(daemonFileWrittenPath);
  const paths = [...ownFiles.map(({ path }) => path), ...(isOwnDaemonFile ? [daemonFilePath] : [])];
  const changed = paths.find((path) => newer.has(path));
  return changed && `${changed} changed after it started`;
}

function hostnameCommands(facts: Facts, hostname: string | undefined): Plan['commands'] {
  if (hostname === undefined) return [];
  return hostname !== facts.hostname || facts.unfinished.has('commands') ? [hostnameCommand(hostname)] : [];
}

/** sudo resolves the host name on each call, so it must be in /etc/hosts. */
function hostnameCommand(name: string): Plan['commands'][number] {
  const word = shellWord(name);
  return {
    run: `{ hostnamectl set-hostname ${word} 2>/dev/null || { hostname ${word} && echo ${word} > /etc/hostname; }; } && { grep -qw ${word} /etc/hosts || echo 127.0.1.1 ${word} >> /etc/hosts; }`,
    why: 'the host name',
  };
}

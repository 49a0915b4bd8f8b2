/** systemd reads drop-ins in alphabetical order (systemd.unit(5)): this one comes last. */
export const dropInPath = '/etc/systemd/system/docker.service.d/zz-belt.conf';
export const daemonFilePath = '/etc/docker/daemon.json';
/** The file without belt's changes. */
export const daemonFileCopyPath = '/etc/docker/daemon.json.before-belt';
/** The file as last written by belt. */
export const daemonFileWrittenPath = '/etc/docker/daemon.json.by-belt';
/** The new version of that file, from before daemon.json is replaced until after. */
export const daemonFileStagedPath = `${daemonFileWrittenPath}.belt-new`;
export const sysctlPath = '/etc/sysctl.d/60-belt-swarm.conf';
export const openrcPath = '/etc/conf.d/docker';
/** Files with variables for the start command, of Debian's and of Fedora's packages. */
export const variablePaths = ['/etc/default/docker', '/etc/sysconfig/docker'] as const;
export const boot2dockerProfilePath = '/var/lib/boot2docker/profile';

export interface CertificatePaths {
  ca: string;
  certificate: string;
  key: string;
}

/** docker-machine's file names. */
function certificatePathsIn(folder: string): CertificatePaths {
  return { ca: `${folder}/ca.pem`, certificate: `${folder}/server.pem`, key: `${folder}/server-key.pem` };
}

export const etcCertificates = certificatePathsIn('/etc/docker');
export const boot2dockerCertificates = certificatePathsIn('/var/lib/boot2docker');

/** Files whose content belt reads. */
export const readPaths: readonly string[] = [
  daemonFilePath,
  daemonFileCopyPath,
  daemonFileWrittenPath,
  daemonFileStagedPath,
  openrcPath,
  boot2dockerProfilePath,
  ...variablePaths,
];

/** Files that belt compares by checksum. */
export const checkedPaths: readonly string[] = [
  dropInPath,
  sysctlPath,
  ...Object.values(etcCertificates),
  ...Object.values(boot2dockerCertificates),
];

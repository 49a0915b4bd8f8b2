/** The files of a machine that belt reads and writes. */

/** Its name comes after those that people and docker-machine give theirs, so that systemd reads it last (systemd.unit(5)). */
export const dropInPath = '/etc/systemd/system/docker.service.d/zz-belt.conf';
export const daemonFilePath = '/etc/docker/daemon.json';
/** The file as it would be without belt. */
export const daemonFileCopyPath = '/etc/docker/daemon.json.before-belt';
/** The file as belt wrote it last. */
export const daemonFileWrittenPath = '/etc/docker/daemon.json.by-belt';
export const sysctlPath = '/etc/sysctl.d/60-belt-swarm.conf';
export const openrcPath = '/etc/conf.d/docker';
export const boot2dockerProfilePath = '/var/lib/boot2docker/profile';

export interface CertificatePaths {
  ca: string;
  certificate: string;
  key: string;
}

/** docker-machine's names, in /etc/docker and in boot2docker's folder that lives on over a reboot. */
export function certificatePathsIn(folder: string): CertificatePaths {
  return { ca: `${folder}/ca.pem`, certificate: `${folder}/server.pem`, key: `${folder}/server-key.pem` };
}

export const etcCertificates = certificatePathsIn('/etc/docker');
export const boot2dockerCertificates = certificatePathsIn('/var/lib/boot2docker');

/** Those of which belt reads the text. */
export const readPaths: readonly string[] = [
  daemonFilePath,
  daemonFileCopyPath,
  daemonFileWrittenPath,
  openrcPath,
  boot2dockerProfilePath,
];

/** Those of which a checksum tells whether they are as belt would have them. */
export const checkedPaths: readonly string[] = [
  dropInPath,
  sysctlPath,
  ...Object.values(etcCertificates),
  ...Object.values(boot2dockerCertificates),
];

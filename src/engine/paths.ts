/** The files of a machine that belt reads and writes. */

/** Its name comes after those that people and docker-machine give theirs, so that systemd reads it last (systemd.unit(5)). */
export const dropInPath = '/etc/systemd/system/docker.service.d/zz-belt.conf';
export const daemonFilePath = '/etc/docker/daemon.json';
/** The file as it was before belt first changed it. */
export const daemonFileCopyPath = '/etc/docker/daemon.json.before-belt';
export const sysctlPath = '/etc/sysctl.d/60-belt-swarm.conf';
export const openrcPath = '/etc/conf.d/docker';
export const openrcCopyPath = '/etc/conf.d/docker.before-belt';
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

/** Those of which a checksum tells whether they are as belt would have them. */
export const checkedPaths: readonly string[] = [
  dropInPath,
  sysctlPath,
  daemonFileCopyPath,
  openrcCopyPath,
  ...Object.values(etcCertificates),
  ...Object.values(boot2dockerCertificates),
];

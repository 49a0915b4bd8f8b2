import type { DriverModule } from '../driver.js';

/** Machines as systemd-nspawn guests of this Linux computer, each with its own systemd, sshd and Docker Engine. */
export const driver: DriverModule = {
  name: 'nspawn',
  summary: 'systemd-nspawn guests on this Linux computer (needs root to make and change them)',
  settings: [
    {
      key: 'image',
      summary: 'base image: debian-13 or debian-12',
      type: 'string',
      default: 'debian-13',
      env: ['NSPAWN_IMAGE'],
    },
    {
      key: 'mirror',
      summary: 'Debian mirror that base images are built from',
      type: 'string',
      default: 'http://deb.debian.org/debian',
      env: ['NSPAWN_MIRROR'],
    },
    {
      key: 'bridge',
      summary: 'network bridge of the machines',
      type: 'string',
      default: 'belt0',
      env: ['NSPAWN_BRIDGE'],
    },
    {
      key: 'network',
      summary:
        'address range of the machines, as 10.209.0.0/20; default: the first free one of 10.209.0.0/20, 10.210.0.0/20, ...',
      type: 'string',
      env: ['NSPAWN_NETWORK'],
    },
    {
      key: 'data',
      summary: 'folder that holds images and machines',
      type: 'string',
      default: '/var/lib/belt',
      env: ['NSPAWN_DATA'],
      flag: false,
    },
  ],
  async checkSettings(values) {
    const [{ readSettings }, { requireImage }] = await Promise.all([
      import('./nspawn-settings.js'),
      import('./recipes.js'),
    ]);
    requireImage(readSettings(values).image);
  },
  async open(options) {
    const { openNspawn } = await import('./nspawn-driver.js');
    return openNspawn(options);
  },
};

import { defineSettings, matching, text } from '../kit/define-settings.js';
import { parseRange } from './address-range.js';

export const nspawnSettings = defineSettings({
  image: {
    ...text({
      summary: 'Base image: debian-13 or debian-12',
      default: 'debian-13',
      env: ['NSPAWN_IMAGE'],
    }),
    choices: ['debian-13', 'debian-12'],
  },
  mirror: text({
    summary: 'Debian mirror to build base images from',
    default: 'http://deb.debian.org/debian',
    env: ['NSPAWN_MIRROR'],
    parse: matching(/^(https?|file):\/\/\S+$/),
    expected: 'a http://, https:// or file:// address',
  }),
  bridge: text({
    summary: 'Network bridge of the machines, created by belt',
    default: 'belt0',
    env: ['NSPAWN_BRIDGE'],
    // The kernel's limit is 15 characters (IFNAMSIZ, with the closing zero).
    parse: matching(/^[a-z][a-z0-9_-]{0,14}$/i),
    expected: '1 to 15 letters, digits, "-" or "_", starting with a letter',
  }),
  network: text({
    summary:
      'Address range of the machines, like 10.209.0.0/20 (default: the first free one of 10.209.0.0/20, 10.210.0.0/20, ...)',
    env: ['NSPAWN_NETWORK'],
    parse: parseRange,
  }),
  data: text({
    summary: 'Folder for images and machines',
    default: '/var/lib/belt',
    env: ['NSPAWN_DATA'],
    flag: false,
    // Overlay mounts separate their folders by colons and commas, so a path may hold neither.
    parse: matching(/^(?!.*\/\.\.(\/|$))\/[\w./-]*[\w-]$/),
    expected: 'an absolute path of letters, digits, ".", "_" and "-"',
  }),
});

export type NspawnSettings = ReturnType<typeof nspawnSettings.read>;

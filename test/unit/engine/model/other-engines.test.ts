import { describe, expect, test } from 'vitest';
import { UserError } from '../../../../src/base/errors.js';
import type { Facts } from '../../../../src/engine/model/facts.js';
import { refuseOtherEngines } from '../../../../src/engine/model/other-engines.js';
import { osReleases } from '../../../lab/os-releases.js';
import { bareFactsOf, factsOf, settingsOf } from '../../support/facts.js';

const dropIn = '/etc/systemd/system/docker.service.d/zz-belt.conf';
const dockerd = { uid: 0, name: 'dockerd', program: '/usr/bin/dockerd' };
const snap = { uid: 0, name: 'dockerd', program: '/snap/docker/2915/bin/dockerd' };
const rootless = { uid: 1000, name: 'dockerd', program: '/usr/bin/dockerd' };
const inactive = { load: 'loaded', active: 'inactive', file: 'disabled' };

function refusal(facts: Facts, settings = settingsOf()): string | undefined {
  try {
    refuseOtherEngines('node1', facts, settings);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return `${error.message}; ${error.hint}`;
    throw error;
  }
}

describe('engines that belt cannot configure', () => {
  test.each<[string, Partial<Facts>, RegExp]>([
    ['a running snap', { engines: [snap], socketOwner: snap }, /docker snap.*snap remove docker/],
    ['a stopped snap', { present: ['/snap/docker/current'] }, /docker snap/],
    ['a snap on Fedora', { present: ['/var/lib/snapd/snap/docker/current'] }, /docker snap/],
    ['Docker Desktop', { present: ['/opt/docker-desktop'] }, /Docker Desktop/],
    ['Docker Desktop of WSL', { present: ['/mnt/wsl/docker-desktop'] }, /Docker Desktop/],
    ['a rootless engine', { engines: [rootless] }, /rootless engine, of user 1000.*setuptool/],
    ['podman-docker', { docker: '/usr/bin/docker', dockerTarget: 'podman' }, /Podman.*podman-docker/],
    ['the socket of Podman', { socketOwner: '/run/podman/podman.sock' }, /Podman/],
    [
      'nerdctl as docker',
      { docker: '/usr/local/bin/docker', dockerTarget: '/usr/local/bin/nerdctl' },
      /nerdctl/,
    ],
    [
      'another program',
      { socketOwner: { uid: 0, name: 'socat', program: '/usr/bin/socat' } },
      /socat, of user 0/,
    ],
  ])('%s is refused by name', (_, change, message) => {
    expect(refusal(bareFactsOf(osReleases.ubuntu, change))).toMatch(message);
  });

  const unit = (load: string, active = 'inactive') => ({ load, active, file: '' });
  test.each<[string, Partial<Facts>, RegExp]>([
    [
      'a unit of its own, as on a NAS',
      { engines: [dockerd], service: unit('not-found') },
      /it has \/usr\/sbin\/dockerd, but no docker.service.*add that unit/,
    ],
    ['a static binary without a unit', { service: unit('not-found') }, /no docker.service/],
    ['a masked unit', { service: unit('masked') }, /docker.service is masked.*systemctl unmask/],
    [
      'a start by hand',
      { engines: [dockerd], service: unit('loaded') },
      /an engine runs on it .*but not as docker.service.*stop that engine/,
    ],
    ['a start by hand after a failure', { engines: [dockerd], service: unit('loaded', 'failed') }, /not as/],
  ])('an engine with %s is refused', (_, change, message) => {
    expect(refusal(factsOf(osReleases.debian, change))).toMatch(message);
  });

  const vendors = { uid: 0, name: 'dockerd', program: '/opt/docker/dockerd' };
  const renamed = { uid: 0, name: 'dockerd-current', program: '/usr/bin/dockerd-current' };
  test.each<[string, Partial<Facts>, RegExp]>([
    [
      'an engine outside of the path',
      { engines: [vendors], socketOwner: vendors },
      /\(\/opt\/docker\/dockerd\)/,
    ],
    ['an engine of another name', { socketOwner: renamed }, /\(\/usr\/bin\/dockerd-current\)/],
    ['an engine without systemd', { engines: [vendors], init: 'other' }, /not as docker.service/],
  ])('nothing is installed beside %s', (_, change, message) => {
    expect(refusal(bareFactsOf(osReleases.debian, change))).toMatch(message);
  });

  test('the engine is installed where the unit of a removed package is masked', () => {
    const facts = { ...bareFactsOf(osReleases.debian), service: unit('masked') };
    expect(refusal(facts)).toBeUndefined();
  });

  test.each<[string, Partial<Facts>]>([
    ['OpenRC', { init: 'openrc', service: unit('not-found') }],
    ['an interrupted installation', { service: unit('not-found'), unfinished: new Set(['install']) }],
    ['a start in progress', { engines: [dockerd], service: unit('loaded', 'activating') }],
  ])('an engine with %s is accepted', (_, change) => {
    expect(refusal(factsOf(osReleases.debian, change))).toBeUndefined();
  });

  test('a snap beside a package, and a rootless engine of a disabled package, are refused', () => {
    expect(refusal(factsOf(osReleases.ubuntu, { engines: [snap] }))).toMatch(/docker snap/);
    expect(refusal(factsOf(osReleases.ubuntu, { engines: [rootless], service: inactive }))).toMatch(
      /rootless/,
    );
  });

  test.each<[string, Partial<Facts>]>([
    ['its engine', { engines: [dockerd], socketOwner: dockerd }],
    [
      'an engine that is stopped',
      { socketOwner: { uid: 0, name: 'systemd', program: '/usr/lib/systemd/systemd' } },
    ],
    ['a rootless engine beside it', { engines: [dockerd, rootless], socketOwner: dockerd }],
    [
      'a rootless engine, and belt already',
      { engines: [rootless], service: inactive, sums: new Map([[dropIn, '']]) },
    ],
    ['a snap that is not used', { engines: [dockerd], present: ['/snap/docker/current'] }],
    ['an engine of the image', { image: 'ostree' }],
  ])('a machine with %s is accepted', (_, change) => {
    expect(refusal(factsOf(osReleases.fedora, change))).toBeUndefined();
  });
});

describe('image-based systems', () => {
  test.each([
    ['ostree', /no packages can be installed on Fedora Linux 42.*rpm-ostree install/],
    ['transactional-update', /transactional-update pkg install docker/],
    ['read-only', /use an image of it that contains Docker/],
  ])('%s is refused without an engine', (image, message) => {
    expect(refusal(bareFactsOf(osReleases.fedora, { image }))).toMatch(message);
    const settings = settingsOf({ installUrl: 'https://example.com/install' });
    expect(refusal(bareFactsOf(osReleases.fedora, { image }), settings)).toBeUndefined();
  });
});

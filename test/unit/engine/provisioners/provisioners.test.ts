import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Template, templatesIn } from '../../../../src/base/templates.js';
import { provisionerFor } from '../../../../src/engine/provisioners/index.js';
import { osReleases } from '../../../lab/os-releases.js';
import { bareFactsOf, factsOf, planFor, settingsOf } from '../../support/facts.js';

const certificate = { ca: 'CA', certificate: 'CERT', key: 'KEY' };
const local = settingsOf({ access: 'local' });

test.each([
  ['debian', 'debian'],
  ['raspbian', 'debian'],
  ['ubuntu', 'ubuntu'],
  ['mint', 'ubuntu'],
  ['rocky', 'redhat'],
  ['alma', 'redhat'],
  ['centos', 'redhat'],
  ['rhel', 'redhat'],
  ['oracle', 'redhat'],
  ['fedora', 'redhat'],
  ['amazon', 'redhat'],
  ['leap', 'suse'],
  ['sles', 'suse'],
  ['flatcar', 'flatcar'],
] as const)('%s is provisioned as %s', (os, name) => {
  expect(provisionerFor(factsOf(osReleases[os])).name).toBe(name);
});

/** ID, ID_LIKE, VERSION_ID and PLATFORM_ID of real systems, from their os-release files. */
test.each([
  ['pop', 'ubuntu debian', '22.04', '', 'ubuntu'],
  ['elementary', 'ubuntu', '7.1', '', 'ubuntu'],
  ['zorin', 'ubuntu debian', '17', '', 'ubuntu'],
  ['neon', 'ubuntu debian', '22.04', '', 'ubuntu'],
  ['tuxedo', 'ubuntu debian', '22.04', '', 'ubuntu'],
  ['linuxmint', 'debian', '6', '', 'debian'],
  ['kali', 'debian', '2024.3', '', 'debian'],
  ['parrot', 'debian', '6.1', '', 'debian'],
  ['mx', 'debian', '23', '', 'debian'],
  ['pureos', 'debian', '10.0', '', 'debian'],
  ['armbian', 'debian', '24.5', '', 'debian'],
  ['osmc', 'debian', '12', '', 'debian'],
  ['deepin', 'debian', '23', '', 'debian'],
  ['Deepin', '', '20.9', '', 'debian'],
  ['pureos', '', '10.0', '', 'debian'],
  ['centos', 'rhel fedora', '7', '', 'redhat'],
  ['scientific', 'rhel centos fedora', '7.9', '', 'redhat'],
  ['cloudlinux', 'rhel fedora centos', '8.10', 'platform:el8', 'redhat'],
  ['eurolinux', 'rhel fedora centos', '9.4', 'platform:el9', 'redhat'],
  ['virtuozzo', 'rhel fedora', '8', 'platform:el8', 'redhat'],
  ['miraclelinux', 'rhel fedora', '9.4', 'platform:el9', 'redhat'],
  ['anolis', 'rhel fedora centos', '8.8', 'platform:an8', 'redhat'],
  ['opencloudos', 'opencloudos', '9.2', 'platform:oc9', 'other'],
  ['nobara', 'rhel centos fedora', '40', 'platform:f40', 'redhat'],
  ['ultramarine', 'fedora', '40', 'platform:um40', 'redhat'],
  ['nobara', '', '36', 'platform:f36', 'redhat'],
  ['mageia', 'mandriva fedora', '9', '', 'redhat'],
  ['alinux', 'rhel fedora centos anolis', '3', 'platform:al8', 'redhat'],
  ['fedora-asahi-remix', 'fedora', '40', 'platform:f40', 'redhat'],
  ['amzn', 'centos rhel fedora', '2', '', 'redhat'],
  ['ol', 'fedora', '7.9', '', 'redhat'],
  ['opensuse-tumbleweed', 'opensuse suse', '20240901', '', 'suse'],
  ['opensuse-microos', 'suse opensuse', '20240901', '', 'suse'],
  ['sles_sap', 'suse', '15.6', '', 'suse'],
  ['sl-micro', 'suse', '6.0', '', 'suse'],
  ['sled', 'suse', '15.6', '', 'suse'],
  ['sled', '', '12.3', '', 'suse'],
  ['sles_sap', '', '12.2', '', 'suse'],
  ['arch', '', '', '', 'arch'],
  ['archarm', 'arch', '', '', 'arch'],
  ['manjaro', 'arch', '', '', 'arch'],
  ['endeavouros', 'arch', '', '', 'arch'],
  ['cachyos', 'arch', '', '', 'arch'],
  ['garuda', '', '', '', 'arch'],
  ['manjaro-arm', '', '', '', 'arch'],
  ['steamos', 'arch', '3.6', '', 'arch'],
  ['coreos', '', '2512.3.0', '', 'flatcar'],
  ['photon', '', '5.0', '', 'other'],
  ['azurelinux', '', '3.0', '', 'other'],
  ['mariner', '', '2.0', '', 'other'],
  ['gentoo', '', '', '', 'other'],
  ['clear-linux-os', 'clear-linux-os', '42000', '', 'other'],
  ['openEuler', '', '22.03', '', 'other'],
])('%s (like "%s", %s) is provisioned by its family', (id, like, version, platform, name) => {
  const text = `ID=${id}\nID_LIKE="${like}"\nVERSION_ID="${version}"\nPLATFORM_ID="${platform}"`;
  expect(provisionerFor(factsOf(text)).name).toBe(name);
});

test('postmarketOS is provisioned as Alpine', () => {
  const facts = factsOf('ID=postmarketos\nID_LIKE=alpine', { init: 'openrc' });
  expect(provisionerFor(facts).name).toBe('alpine');
});

test('derivatives of Fedora use its repository, and rebuilds of RHEL that of CentOS', () => {
  const script = (text: string) =>
    provisionerFor(bareFactsOf(text)).install?.(bareFactsOf(text).os).values?.['action'];
  const fedora = 'install_from_docker fedora';
  expect(script('ID=nobara\nID_LIKE="rhel centos fedora"\nPLATFORM_ID="platform:f40"')).toBe(fedora);
  expect(script('ID=ultramarine\nID_LIKE=fedora\nPLATFORM_ID="platform:um40"')).toBe(fedora);
  expect(script('ID=eurolinux\nID_LIKE="rhel fedora"\nPLATFORM_ID="platform:el9"')).toBe(
    'install_from_docker centos',
  );
  expect(script('ID=rhel\nID_LIKE=fedora\nVERSION_ID="7.5"')).toBe('install_from_docker centos');
  expect(script('ID=mageia\nID_LIKE="mandriva fedora"\nVERSION_ID=9')).toBe('install_own_package');
});

/** The version in Docker's repository is that of the system which a rebuild follows. */
test.each([
  ['VERSION_ID="9.4"\nPLATFORM_ID="platform:el9"', '9'],
  ['VERSION_ID="3"\nPLATFORM_ID="platform:al8"', '8'],
  ['VERSION_ID="7.9"', '7'],
  ['VERSION_ID=41\nPLATFORM_ID="platform:f41"', '41'],
  ['NAME=rolling', '$releasever'],
])("a system with %j installs version %s from Docker's repository", async (release, version) => {
  const folder = mkdtempSync(join(tmpdir(), 'belt-releasever-'));
  const path = (name: string) => join(folder, name);
  writeFileSync(path('os-release'), release);
  writeFileSync(path('repo'), 'baseurl=https://download.docker.com/linux/centos/$releasever/$basearch\n');
  const script = await templatesIn('templates').render('packages/dnf.sh', {
    action: 'install_from_docker centos',
  });
  const input = script
    .replaceAll('/etc/os-release', path('os-release'))
    .replaceAll('/etc/yum.repos.d/docker-ce.repo', path('repo'));
  try {
    execFileSync('/bin/sh', ['-s'], { input: `step() { :; }; dnf() { :; }; curl() { :; }\n${input}` });
    expect(readFileSync(path('repo'), 'utf8')).toContain(`/centos/${version}/$basearch`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('unsupported systems', () => {
  const plan9 = 'ID=plan9\nPRETTY_NAME="Plan 9"';
  test('an unsupported system is refused without an engine or without systemd', () => {
    expect(() => provisionerFor(bareFactsOf(plan9))).toThrow(/install Docker on Plan 9/);
    expect(() => provisionerFor(factsOf(plan9, { init: 'openrc' }))).toThrow(/Plan 9 does not run systemd/);
    expect(() => provisionerFor(bareFactsOf(''))).toThrow(/on an unknown system/);
  });
  test('an unsupported system with an engine and systemd is provisioned', () => {
    expect(provisionerFor(factsOf(plan9)).name).toBe('other');
  });
  test.each([
    ['ID=rancheros\nPRETTY_NAME="RancherOS v1.5.8"', /RancherOS v1.5.8: its engine runs in a container/],
    ['ID=nixos\nPRETTY_NAME="NixOS 24.05"', /NixOS 24.05: its configuration in \/etc\/nixos/],
    ['ID=cos\nPRETTY_NAME="COS 97"', /COS 97: it discards changes in \/etc/],
    ['ID="XCP-ng"\nID_LIKE="centos rhel fedora"', /xcp-ng: it is a hypervisor/],
  ])('%j is refused with the reason, also with an engine', (text, message) => {
    expect(() => provisionerFor(factsOf(text))).toThrow(message);
  });
  test.each(['devuan', 'artix'])('%s is refused because it does not run systemd', (id) => {
    const like = id === 'artix' ? 'arch' : 'debian';
    const facts = factsOf(`ID=${id}\nID_LIKE=${like}`, { init: 'other' });
    expect(() => provisionerFor(facts)).toThrow(/does not run systemd/);
  });
  test('a supported system with another init system is refused', () => {
    expect(() => provisionerFor(factsOf(osReleases.debian, { init: 'openrc' }))).toThrow(
      /does not run systemd/,
    );
  });
});

describe('package scripts', () => {
  type System = keyof typeof osReleases;
  const apt = 'apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold';
  const aptNames = 'docker-ce docker-ce-cli containerd.io docker.io docker-cli containerd';
  const dnfNames =
    'docker-ce docker-ce-cli containerd.io docker moby-engine docker-engine docker-cli containerd';

  const bareFacts = (os: System) => bareFactsOf(osReleases[os], os === 'alpine' ? { init: 'openrc' } : {});
  const render = ({ name, values }: Template) => templatesIn('templates').render(name, values);
  const installOn = async (os: System, settings = local): Promise<string[]> => {
    const { install } = planFor(bareFacts(os), { settings, certificate });
    return install ? callsOf(await render(install.script)) : [];
  };

  /** Runs a script with stand-ins for the package managers. Queries of single packages are left out. */
  function callsOf(script: string, exitCode = 0): string[] {
    const answers: Record<string, string> = {
      'apt-get': 'Inst docker.io',
      'apt-cache': 'Package: docker-cli',
      'dpkg-query': 'installed',
      rpm: '',
      dnf: '',
      curl: '',
      sed: '',
      zypper: '1 package to upgrade.',
      SUSEConnect: '',
      apk: 'docker-26.1.5-r0 < 26.1.6-r0',
      pacman: 'docker 1:28.0.1-1 -> 1:28.0.2-1',
      uname: 'x86_64',
    };
    const folder = mkdtempSync(join(tmpdir(), 'belt-packages-'));
    const calls = join(folder, 'calls');
    for (const [program, answer] of Object.entries(answers)) {
      const lines = ['#!/bin/sh', `printf "%s\\n" "${program} $*" >>${calls}`, `echo '${answer}'`];
      if (program === 'dnf') lines.push(`[ "$3" != check-update ] || exit ${exitCode}`);
      writeFileSync(join(folder, program), lines.join('\n'), { mode: 0o755 });
    }
    try {
      execFileSync('/bin/sh', ['-s'], {
        input: `step() { :; }\ntell() { echo "tell $*" >>${calls}; }\n${script}`,
        env: { PATH: `${folder}:/usr/bin:/bin` },
        stdio: ['pipe', 'ignore', 'pipe'],
      });
      const lines = readFileSync(calls, 'utf8').trimEnd().split('\n');
      return lines.filter((line) => !/^(dpkg-query|rpm|uname|sed)/.test(line));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test.each(['debian', 'ubuntu'] as const)(
    '%s installs docker.io, and docker-cli if it is a package',
    async (os) => {
      expect(await installOn(os)).toEqual([
        `${apt} update`,
        'apt-cache show docker-cli',
        `${apt} install --no-remove --no-install-recommends docker.io iptables ca-certificates docker-cli`,
      ]);
    },
  );

  test.each([
    ['rocky', 'centos'],
    ['alma', 'centos'],
    ['centos', 'centos'],
    ['oracle', 'centos'],
    ['rhel', 'rhel'],
    ['fedora', 'fedora'],
  ] as const)("%s installs from Docker's repository for %s", async (os, folder) => {
    expect(await installOn(os)).toEqual([
      `curl -fsSL https://download.docker.com/linux/${folder}/docker-ce.repo -o /etc/yum.repos.d/docker-ce.repo`,
      'dnf -q -y install docker-ce docker-ce-cli containerd.io',
    ]);
  });

  test.each([
    ['amazon', ['dnf -q -y install docker']],
    ['leap', ['zypper --non-interactive install docker']],
    ['alpine', ['apk --wait 600 --update-cache --no-progress add docker docker-cli']],
    ['flatcar', []],
    ['oracle7', ['dnf -q -y --enablerepo=ol7_addons install docker-engine']],
    ['arch', ['pacman -Sy --noconfirm', 'pacman -S --noconfirm --noprogressbar --needed docker']],
  ] as const)('%s installs its own package, if it has one', async (os, calls) => {
    expect(await installOn(os)).toEqual(calls);
  });

  test('SLES installs its own package from the Containers module', async () => {
    expect(await installOn('sles')).toEqual([
      'SUSEConnect -p sle-module-containers/15.6/x86_64',
      'zypper --non-interactive install docker',
    ]);
  });

  test('an install URL applies to every system', async () => {
    const settings = settingsOf({ installUrl: "https://x/it's $HOME" });
    const { install } = planFor(bareFacts('flatcar'), { settings, certificate });
    expect(install?.from).toBe("https://x/it's $HOME");
    expect(await installOn('flatcar', settings)).toEqual([
      expect.stringMatching(/^curl -fsSL https:\/\/x\/it's \$HOME -o \S+$/),
    ]);
  });

  test.each([
    ['debian', [`${apt} update`, `${apt} install --only-upgrade ${aptNames}`]],
    ['rocky', ['dnf -q -y clean expire-cache', `dnf -q -y upgrade ${dnfNames}`]],
    ['leap', ['zypper --non-interactive update docker containerd']],
    ['alpine', ['apk --wait 600 --update-cache --no-progress upgrade docker docker-cli']],
  ] as const)('%s upgrades the packages of its engine', async (os, calls) => {
    const { upgrade } = provisionerFor(bareFacts(os));
    expect(callsOf(await render(upgrade as Template))).toEqual(calls);
  });

  test.each([
    ['debian', [`${apt} update`, `apt-get -q -y --simulate install --only-upgrade ${aptNames}`]],
    ['rocky', ['dnf -q -y clean expire-cache', `dnf -q -y check-update ${dnfNames}`]],
    ['leap', ['zypper --non-interactive update --dry-run docker containerd']],
    ['alpine', ['apk --wait 600 --no-progress update', 'apk version -l < docker docker-cli']],
    ['arch', ['pacman -Sy --noconfirm', 'pacman -Qu docker containerd runc']],
  ] as const)('%s reports that an upgrade is available', async (os, calls) => {
    const { looksForNewer } = provisionerFor(bareFacts(os));
    expect(callsOf(await render(looksForNewer as Template), 100)).toEqual([...calls, 'tell newer yes']);
  });
});

describe('Alpine (openrc)', () => {
  const path = '/etc/conf.d/docker';
  const packaged = '# options\nDOCKER_OPTS="--debug"\n';
  const planOn = (
    files: ReadonlyMap<string, string>,
    settings = settingsOf({ env: ['A=b c'], labels: ['x=$1'] }),
  ) =>
    planFor(factsOf(osReleases.alpine, { init: 'openrc', unitText: '', files }), {
      settings,
      certificate,
    });

  test('OpenRC options are appended to the options in the file', () => {
    const { files, provisioner } = planOn(new Map([[path, packaged]]));
    expect(files.map((file) => file.path)).toEqual([
      '/etc/docker/ca.pem',
      '/etc/docker/server.pem',
      '/etc/docker/server-key.pem',
      path,
    ]);
    expect(
      files.at(-1)?.content,
    ).toBe(`${packaged}# belt: begin (written by belt; what stands outside of these two lines is kept)
export A='b c'
DOCKER_OPTS="$DOCKER_OPTS --host=unix:///var/run/docker.sock --host=tcp://0.0.0.0:2376 --tlsverify --tlscacert=/etc/docker/ca.pem --tlscert=/etc/docker/server.pem --tlskey=/etc/docker/server-key.pem '--label=x=\\$1'"
# belt: end
`);
    expect(provisioner.service.commands).toEqual({
      reload: 'true',
      enable: 'rc-update --quiet add docker default',
      restart: 'rc-service docker restart',
      start: 'rc-service docker start',
      stop: 'rc-service docker stop',
      isActive: 'rc-service --quiet docker status',
      journal: 'tail -n 30 /var/log/docker.log',
    });
  });

  test('OpenRC options replace those of an earlier run', () => {
    const once = planOn(new Map()).files.at(-1)?.content ?? '';
    expect(planOn(new Map([[path, once]])).files.map((file) => file.path)).not.toContain(path);
    const other = planOn(new Map([[path, `${once}MINE=1\n`]]), local).files.at(-1)?.content;
    expect(other).toBe(`MINE=1
# belt: begin (written by belt; what stands outside of these two lines is kept)
DOCKER_OPTS="$DOCKER_OPTS --host=unix:///var/run/docker.sock"
# belt: end
`);
  });

  test('OpenRC options keep their words in the shell', () => {
    const file = planOn(
      new Map([[path, packaged]]),
      settingsOf({ access: 'local', labels: ['x=$1 "y" `z`'] }),
    ).files.at(-1)?.content;
    const printed = execFileSync('/bin/sh', ['-s'], {
      input: `${file}\neval "printf '%s\\n' $DOCKER_OPTS"`,
      encoding: 'utf8',
    });
    expect(printed).toBe('--debug\n--host=unix:///var/run/docker.sock\n--label=x=$1 "y" `z`\n');
  });
});

describe('boot2docker', () => {
  const profileOf = (settings: ReturnType<typeof settingsOf>, before = '') =>
    planFor(
      factsOf(osReleases.boot2docker, {
        init: 'other',
        unitText: '',
        files: before === '' ? new Map() : new Map([['/var/lib/boot2docker/profile', before]]),
      }),
      { settings, certificate },
    ).files.map(({ path, content }) => [path, content]);

  test('the boot2docker profile of a secure engine sets the variables of its init script', () => {
    const settings = settingsOf({
      labels: ['a=b'],
      registryMirrors: ['https://m'],
      env: ['HTTP_PROXY=http://p'],
    });
    expect(profileOf(settings)).toEqual([
      ['/var/lib/boot2docker/ca.pem', 'CA'],
      ['/var/lib/boot2docker/server.pem', 'CERT'],
      ['/var/lib/boot2docker/server-key.pem', 'KEY'],
      [
        '/var/lib/boot2docker/profile',
        `# belt: begin (written by belt; what stands outside of these two lines is kept)
EXTRA_ARGS='--label=a=b --registry-mirror=https://m'
CACERT=/var/lib/boot2docker/ca.pem
DOCKER_HOST='-H tcp://0.0.0.0:2376'
DOCKER_TLS=auto
SERVERKEY=/var/lib/boot2docker/server-key.pem
SERVERCERT=/var/lib/boot2docker/server.pem
export HTTP_PROXY=http://p
# belt: end
`,
      ],
    ]);
  });

  test('the boot2docker profile keeps existing text for insecure and local engines', () => {
    const insecure = profileOf(settingsOf({ access: 'insecure' }), 'MINE=1\n').at(-1)?.[1];
    expect(insecure).toMatch(/^MINE=1\n.*DOCKER_HOST='-H tcp:\/\/0.0.0.0:2375'.*DOCKER_TLS=no/s);
    expect(profileOf(local).at(-1)?.[1]).toContain("DOCKER_HOST='-H unix:///var/run/docker-local.sock'");
  });
});

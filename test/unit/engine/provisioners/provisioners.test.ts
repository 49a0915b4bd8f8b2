import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../../src/base/errors.js';
import { provisionerFor } from '../../../../src/engine/provisioners/index.js';
import { osReleases } from '../../../lab/os-releases.js';
import { bareFactsOf, factsOf, planFor, settingsOf } from '../../support/facts.js';

const certificate = { ca: 'CA', certificate: 'CERT', key: 'KEY' };
const local = settingsOf({ access: 'local' });
const scriptOn = (os: keyof typeof osReleases, change = {}) =>
  planFor(bareFactsOf(osReleases[os], change), { settings: local }).install?.script.trimEnd();

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

describe('unsupported systems', () => {
  const plan9 = 'ID=plan9\nPRETTY_NAME="Plan 9"';
  test('an unsupported system is refused without an engine or without systemd', () => {
    expect(() => provisionerFor(bareFactsOf(plan9))).toThrow(/install Docker on "Plan 9"/);
    expect(() => provisionerFor(factsOf(plan9, { init: 'openrc' }))).toThrow(UserError);
    expect(() => provisionerFor(bareFactsOf(''))).toThrow(/"an unknown system"/);
  });
  test('an unsupported system with an engine and systemd is provisioned', () => {
    expect(provisionerFor(factsOf(plan9)).name).toBe('other');
  });
  test('a supported system with another init system is refused', () => {
    expect(() => provisionerFor(factsOf(osReleases.debian, { init: 'openrc' }))).toThrow(/runs no systemd/);
  });
});

describe('install scripts', () => {
  test('Debian and Ubuntu install docker.io, and docker-cli where it is a package', () => {
    expect(scriptOn('debian')).toMatch(/DPkg::Lock::Timeout=600/);
    expect(scriptOn('debian')?.split('\n').slice(-6)).toEqual([
      "step 'reading package lists'",
      'update_lists || exit 1',
      "packages='docker.io iptables ca-certificates'",
      `if apt-cache show docker-cli 2>/dev/null | grep -q '^Package: docker-cli$'; then packages="$packages docker-cli"; fi`,
      'step "installing $packages"',
      '$apt install --no-install-recommends $packages >&2 || exit 1',
    ]);
    expect(scriptOn('ubuntu')).toBe(scriptOn('debian'));
  });

  test.each([
    ['rocky', 'centos'],
    ['alma', 'centos'],
    ['centos', 'centos'],
    ['oracle', 'centos'],
    ['rhel', 'rhel'],
    ['fedora', 'fedora'],
  ] as const)("%s installs from Docker's repository for %s", (os, folder) => {
    expect(scriptOn(os)?.split('\n')).toEqual([
      'dnf=$(command -v dnf || command -v yum) && dnf="$dnf -q -y" || exit 1',
      `step "adding Docker's repository"`,
      `curl -fsSL https://download.docker.com/linux/${folder}/docker-ce.repo -o /etc/yum.repos.d/docker-ce.repo || exit 1`,
      "step 'installing docker-ce docker-ce-cli containerd.io'",
      '$dnf install docker-ce docker-ce-cli containerd.io >&2 || exit 1',
    ]);
  });

  test('Amazon Linux installs its own package', () => {
    expect(scriptOn('amazon')?.split('\n').at(-1)).toBe('$dnf install docker >&2 || exit 1');
  });

  test('SUSE installs its own package, on SLES from the Containers module', () => {
    expect(scriptOn('leap')?.split('\n')).toEqual([
      'export ZYPP_LOCK_TIMEOUT=600',
      "step 'installing docker'",
      'zypper --non-interactive install docker >&2 || exit 1',
    ]);
    expect(scriptOn('sles')).toContain('SUSEConnect -p sle-module-containers/15.6/$(uname -m) >&2 || exit 1');
  });

  test('Alpine installs its own package', () => {
    expect(scriptOn('alpine', { init: 'openrc' })?.split('\n').at(-1)).toBe(
      'apk --wait 600 --update-cache --no-progress add docker docker-cli >&2 || exit 1',
    );
  });

  test('Flatcar has no install script, and an install URL applies to every system', () => {
    expect(scriptOn('flatcar')).toBeUndefined();
    const settings = settingsOf({ installUrl: "https://x/it's" });
    const { install } = planFor(bareFactsOf(osReleases.rocky), { settings, certificate });
    expect(install?.from).toBe("https://x/it's");
    expect(install?.script).toContain(`curl -fsSL 'https://x/it'\\''s' -o "$file"`);
  });

  test('a POSIX shell parses every script', () => {
    for (const os of Object.keys(osReleases) as (keyof typeof osReleases)[]) {
      const facts = bareFactsOf(osReleases[os], os === 'alpine' ? { init: 'openrc' } : {});
      const { install, upgrade } = provisionerFor(facts);
      for (const script of [install?.(facts.os), upgrade]) {
        if (script !== undefined) execFileSync('/bin/sh', ['-n'], { input: script });
      }
    }
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

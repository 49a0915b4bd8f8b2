import { describe, expect, test } from 'vitest';
import { proxyVariables } from '../../../../src/engine/model/daemon-options.js';
import { osReleases } from '../../../lab/os-releases.js';
import { factsOf, planFor, settingsOf } from '../../support/facts.js';

const daemonFile = '/etc/docker/daemon.json';
const dropIn = '/etc/systemd/system/docker.service.d/zz-belt.conf';

/**
 * Every option of `dockerd --help` from 20.10 to 29 (moby, cmd/dockerd/config.go; without those that
 * belt sets itself): the option, its key in daemon.json, another value there, and both merged. A real
 * dockerd 28.5 lists no other, and its `--validate` accepts all of its own as flags and merged.
 */
const options: [option: string, key: string, there: unknown, merged: unknown][] = [
  [
    'add-runtime=kata=/bin/kata',
    'runtimes',
    { x: { path: '/x' } },
    { x: { path: '/x' }, kata: { path: '/bin/kata' } },
  ],
  ['allow-direct-routing', 'allow-direct-routing', false, true],
  ['allow-nondistributable-artifacts=r:1', 'allow-nondistributable-artifacts', ['r:2'], ['r:2', 'r:1']],
  ['api-cors-header=*', 'api-cors-header', 'x', '*'],
  ['apparmor-profile=/a', 'apparmor-profile', '/b', '/a'],
  ['authorization-plugin=a', 'authorization-plugins', ['b'], ['b', 'a']],
  ['bip=10.1.0.1/24', 'bip', '10.2.0.1/24', '10.1.0.1/24'],
  ['bip6=fd00::1/64', 'bip6', 'fd01::1/64', 'fd00::1/64'],
  ['bridge=br0', 'bridge', 'br1', 'br0'],
  ['bridge-accept-fwmark=1', 'bridge-accept-fwmark', '2', '1'],
  ['cdi-spec-dir=/c', 'cdi-spec-dirs', ['/d'], ['/d', '/c']],
  ['cgroup-parent=/a', 'cgroup-parent', '/b', '/a'],
  ['cluster-advertise=a:1', 'cluster-advertise', 'b:1', 'a:1'],
  ['cluster-store=etcd://a', 'cluster-store', 'etcd://b', 'etcd://a'],
  ['cluster-store-opt=kv.path=a', 'cluster-store-opts', { 'kv.x': 'y' }, { 'kv.x': 'y', 'kv.path': 'a' }],
  ['containerd=/a', 'containerd', '/b', '/a'],
  ['containerd-namespace=a', 'containerd-namespace', 'b', 'a'],
  ['containerd-plugins-namespace=a', 'containerd-plugins-namespace', 'b', 'a'],
  ['cpu-rt-period=1', 'cpu-rt-period', 2, 1],
  ['cpu-rt-runtime=1', 'cpu-rt-runtime', 2, 1],
  ['cri-containerd', 'cri-containerd', false, true],
  ['data-root=/a', 'data-root', '/b', '/a'],
  ['debug', 'debug', false, true],
  ['D', 'debug', false, true],
  [
    'default-address-pool=base=10.1.0.0/16,size=24',
    'default-address-pools',
    [
      { base: '10.1.0.0/16', size: 28 },
      { base: '10.2.0.0/16', size: 24 },
    ],
    [
      { base: '10.1.0.0/16', size: 24 },
      { base: '10.2.0.0/16', size: 24 },
    ],
  ],
  ['default-cgroupns-mode=host', 'default-cgroupns-mode', 'private', 'host'],
  ['default-gateway=10.1.0.1', 'default-gateway', '10.1.0.2', '10.1.0.1'],
  ['default-gateway-v6=fd00::1', 'default-gateway-v6', 'fd00::2', 'fd00::1'],
  ['default-ipc-mode=shareable', 'default-ipc-mode', 'private', 'shareable'],
  [
    'default-network-opt=bridge=com.docker.network.driver.mtu=1400',
    'default-network-opts',
    { bridge: { x: 'y' } },
    { bridge: { x: 'y', 'com.docker.network.driver.mtu': '1400' } },
  ],
  ['default-runtime=kata', 'default-runtime', 'runc', 'kata'],
  ['default-shm-size=1g', 'default-shm-size', '64M', '1g'],
  [
    'default-ulimit=nofile=64:128',
    'default-ulimits',
    { nproc: { Name: 'nproc', Soft: 1, Hard: 2 } },
    { nproc: { Name: 'nproc', Soft: 1, Hard: 2 }, nofile: { Name: 'nofile', Soft: 64, Hard: 128 } },
  ],
  ['dns=1.1.1.1', 'dns', ['8.8.8.8'], ['8.8.8.8', '1.1.1.1']],
  ['dns-opt=ndots:5', 'dns-opts', ['rotate'], ['rotate', 'ndots:5']],
  ['dns-search=a', 'dns-search', ['b'], ['b', 'a']],
  [
    'exec-opt=native.cgroupdriver=systemd',
    'exec-opts',
    ['native.cgroupdriver=cgroupfs'],
    ['native.cgroupdriver=systemd'],
  ],
  ['exec-root=/a', 'exec-root', '/b', '/a'],
  ['experimental', 'experimental', false, true],
  [
    'feature=containerd-snapshotter=false',
    'features',
    { 'containerd-snapshotter': true },
    { 'containerd-snapshotter': false },
  ],
  ['firewall-backend=nftables', 'firewall-backend', 'iptables', 'nftables'],
  ['fixed-cidr=10.1.0.0/24', 'fixed-cidr', '10.2.0.0/24', '10.1.0.0/24'],
  ['fixed-cidr-v6=fd00::/64', 'fixed-cidr-v6', 'fd01::/64', 'fd00::/64'],
  ['group=a', 'group', 'docker', 'a'],
  ['G=a', 'group', 'docker', 'a'],
  ['host-gateway-ip=10.1.0.1', 'host-gateway-ip', '10.1.0.2', '10.1.0.1'],
  ['http-proxy=http://a', 'proxies', { 'no-proxy': 'x' }, { 'no-proxy': 'x', 'http-proxy': 'http://a' }],
  ['https-proxy=http://a', 'proxies', { 'https-proxy': 'http://b' }, { 'https-proxy': 'http://a' }],
  ['no-proxy=a,b', 'proxies', { 'http-proxy': 'http://b' }, { 'http-proxy': 'http://b', 'no-proxy': 'a,b' }],
  ['icc=false', 'icc', true, false],
  ['init', 'init', false, true],
  ['init-path=/a', 'init-path', '/b', '/a'],
  ['insecure-registry=a:1', 'insecure-registries', ['b:1'], ['b:1', 'a:1']],
  ['ip=10.1.0.1', 'ip', '0.0.0.0', '10.1.0.1'],
  ['ip-forward=false', 'ip-forward', true, false],
  ['ip-forward-no-drop', 'ip-forward-no-drop', false, true],
  ['ip-masq=false', 'ip-masq', true, false],
  ['ip6tables=false', 'ip6tables', true, false],
  ['iptables=false', 'iptables', true, false],
  ['ipv6', 'ipv6', false, true],
  ['label=zone=a', 'labels', ['zone=b', 'rack=7'], ['zone=a', 'rack=7']],
  ['live-restore', 'live-restore', false, true],
  ['log-driver=local', 'log-driver', 'json-file', 'local'],
  ['log-format=json', 'log-format', 'text', 'json'],
  ['log-level=warn', 'log-level', 'info', 'warn'],
  ['l=warn', 'log-level', 'info', 'warn'],
  [
    'log-opt=max-size=10m',
    'log-opts',
    { 'max-file': '3', 'max-size': '1m' },
    { 'max-file': '3', 'max-size': '10m' },
  ],
  ['max-concurrent-downloads=7', 'max-concurrent-downloads', 3, 7],
  ['max-concurrent-uploads=7', 'max-concurrent-uploads', 5, 7],
  ['max-download-attempts=7', 'max-download-attempts', 5, 7],
  ['metrics-addr=127.0.0.1:9323', 'metrics-addr', '0.0.0.0:9323', '127.0.0.1:9323'],
  ['mtu=1400', 'mtu', 1500, 1400],
  ['network-control-plane-mtu=1400', 'network-control-plane-mtu', 1500, 1400],
  ['no-new-privileges', 'no-new-privileges', false, true],
  ['node-generic-resource=GPU=1', 'node-generic-resources', ['GPU=2'], ['GPU=1']],
  ['node-generic-resource=GPU=a', 'node-generic-resources', ['GPU=b', 'N=1'], ['GPU=b', 'N=1', 'GPU=a']],
  ['oom-score-adjust=-500', 'oom-score-adjust', 0, -500],
  ['pidfile=/a', 'pidfile', '/b', '/a'],
  ['p=/a', 'pidfile', '/b', '/a'],
  ['raw-logs', 'raw-logs', false, true],
  ['registry-mirror=https://a', 'registry-mirrors', ['https://b'], ['https://b', 'https://a']],
  ['rootless', 'rootless', false, true],
  ['seccomp-profile=/a', 'seccomp-profile', '/b', '/a'],
  ['selinux-enabled', 'selinux-enabled', false, true],
  ['shutdown-timeout=30', 'shutdown-timeout', 15, 30],
  ['storage-driver=overlay2', 'storage-driver', 'vfs', 'overlay2'],
  ['storage-opt=size=1g', 'storage-opts', ['size=2g', 'x=y'], ['size=1g', 'x=y']],
  ['swarm-default-advertise-addr=10.1.0.1', 'swarm-default-advertise-addr', '10.1.0.2', '10.1.0.1'],
  ['userland-proxy=false', 'userland-proxy', true, false],
  ['userland-proxy-path=/a', 'userland-proxy-path', '/b', '/a'],
  ['userns-remap=default', 'userns-remap', 'a', 'default'],
  ['wait-for-network', 'wait-for-network', false, true],
];

const unitText = '# /usr/lib/systemd/system/docker.service\n[Service]\nExecStart=/usr/bin/dockerd -H fd://\n';
const long: Record<string, string> = { D: 'debug', G: 'group', l: 'log-level', p: 'pidfile' };

function planned(
  file: unknown,
  given: string[],
): { file: unknown; command: string; text: string | undefined } {
  const files = new Map(file === undefined ? [] : [[daemonFile, JSON.stringify(file)]]);
  const settings = settingsOf({ access: 'local', options: given });
  const plan = planFor(factsOf(osReleases.debian, { files, unitText }), { settings });
  const contentOf = (path: string) => plan.files.find((planFile) => planFile.path === path)?.content;
  const text = contentOf(daemonFile);
  const command = contentOf(dropIn)?.trim().split('\n').at(-1) ?? '';
  return { file: text === undefined ? file : JSON.parse(text), command, text };
}

describe.each(options)('dockerd --%s', (option, key, there, merged) => {
  const [name = ''] = option.split('=');
  const flag = `--${long[name] ?? name}`;

  test('as a flag', () => {
    const { file, command } = planned({ 'max-x': 1 }, [option]);
    expect([file, command]).toEqual([{ 'max-x': 1 }, expect.stringContaining(flag)]);
    expect(planned(undefined, [`--${option}`]).command).toContain(flag);
  });

  test('in the file', () => {
    const { text, command } = planned({ [key]: there }, []);
    expect([text, command]).toEqual([undefined, expect.not.stringContaining(flag)]);
  });

  test('in both', () => {
    const { file, command } = planned({ [key]: there, 'max-x': 1 }, [option]);
    expect([file, command]).toEqual([{ [key]: merged, 'max-x': 1 }, expect.not.stringContaining(`${flag}=`)]);
    expect(planned(file, [option]).text).toBeUndefined();
  });
});

test('an option in the file replaces one of the packaged command', () => {
  const files = new Map([[daemonFile, '{ "containerd": "/b" }']]);
  const plan = planFor(factsOf(osReleases.debian, { files }), {
    settings: settingsOf({ access: 'local', options: ['containerd=/a'] }),
  });
  expect(plan.files.find(({ path }) => path === dropIn)?.content).not.toContain('--containerd');
});

test('a byte order mark of daemon.json is kept', () => {
  const files = new Map([[daemonFile, '\uFEFF{\n    "mtu": 1500\n}\n']]);
  const settings = settingsOf({ access: 'local', options: ['mtu=1400'] });
  const plan = planFor(factsOf(osReleases.debian, { files }), { settings });
  expect(plan.files.find(({ path }) => path === daemonFile)?.content).toBe('\uFEFF{\n    "mtu": 1400\n}\n');
});

test('an error in daemon.json shows its line and column', () => {
  const files = new Map([[daemonFile, '{\n  "mtu": 1500,\n}\n']]);
  expect(() => planFor(factsOf(osReleases.debian, { files }), { settings: settingsOf() })).toThrow(
    '/etc/docker/daemon.json is not JSON: line 3, column 1: there is a comma before "}"',
  );
});

test.each([
  [{ env: ['HTTP_PROXY=http://a:1', 'X=1'] }, ['http_proxy=http://a:1', 'HTTP_PROXY=http://a:1']],
  [{ options: ['https-proxy=http://a', 'mtu=1'] }, ['https_proxy=http://a', 'HTTPS_PROXY=http://a']],
  [{ env: ['no_proxy=a,b'] }, ['no_proxy=a,b', 'NO_PROXY=a,b']],
])('package managers use the proxies of the engine: %j', (settings, variables) => {
  expect(proxyVariables(settingsOf(settings))).toEqual(variables);
});

import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quoteArgs } from '../../src/base/quote-args.js';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { runInTerminal } from '../lab/terminal.js';

const run = promisify(execFile);

/**
 * Runs the examples of docker-machine's documentation unchanged, with belt as `docker-machine` in
 * the PATH, and checks the engines with the docker client.
 */
describe.skipIf(!canCreateMachines())('docker-machine’s habits', () => {
  let belt: Belt;
  let env: NodeJS.ProcessEnv;

  /** Runs a script as `sh -eu` does. */
  async function script(text: string): Promise<{ code: number; stdout: string; stderr: string }> {
    try {
      const { stdout, stderr } = await run('bash', ['-euc', text], {
        cwd: belt.folder,
        env,
        timeout: 100_000,
      });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  }

  async function ok(text: string): Promise<string> {
    const { code, stdout, stderr } = await script(text);
    if (code !== 0) throw new Error(`ended with ${code}: ${text}\n${stdout}${stderr}`);
    return stdout;
  }

  beforeAll(async () => {
    belt = await newBelt({ MACHINE_DRIVER: 'nspawn' });
    const bin = join(belt.folder, 'bin');
    await mkdir(bin);
    const program = join(bin, 'docker-machine');
    await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${resolve('bin/run.js')}' "$@"\n`);
    await chmod(program, 0o755);
    const { DOCKER_HOST: _, DOCKER_CERT_PATH: __, DOCKER_TLS_VERIFY: ___, ...rest } = belt.env;
    env = { ...rest, PATH: `${bin}:${process.env['PATH']}`, HOME: belt.folder, SHELL: '/bin/bash' };
  });
  afterAll(() => belt.dispose());

  test('create --driver creates a running machine', async () => {
    await ok('docker-machine create --driver nspawn default');
    await ok('docker-machine create -d nspawn --engine-label zone=a --tls-san web.example.org dev');
    expect(await ok('docker-machine status dev')).toBe('Running\n');
    expect(await ok('docker-machine status')).toBe('Running\n');
    const again = await script('docker-machine status nope');
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringContaining('Docker machine "nope" does not exist'),
    ]);
  });

  test('docker connects over TLS after eval $(docker-machine env dev)', async () => {
    expect(await ok('eval $(docker-machine env dev); docker info --format "{{.Name}}"')).toBe('dev\n');
    expect(await ok('eval "$(docker-machine env dev)"; docker-machine active')).toBe('dev\n');
    expect(await ok('eval $(docker-machine env); docker info --format "{{.Name}}"')).toBe('default\n');
    expect(
      await ok(
        'eval $(docker-machine env dev); eval $(docker-machine env -u); echo "[${DOCKER_HOST-}${DOCKER_CERT_PATH-}]"',
      ),
    ).toBe('[]\n');
  });

  test('env prints usage hints for each shell', async () => {
    const address = (await ok('docker-machine ip dev')).trim();
    const folder = join(belt.folder, '.belt', 'default', 'machines', 'dev');
    expect(await ok('docker-machine env dev')).toBe(
      [
        'export DOCKER_TLS_VERIFY="1"',
        `export DOCKER_HOST="tcp://${address}:2376"`,
        `export DOCKER_CERT_PATH="${folder}"`,
        'export DOCKER_MACHINE_NAME="dev"',
        '# Run this command to configure your shell: ',
        '# eval $(belt env dev)',
        '',
      ].join('\n'),
    );
    expect(await ok('docker-machine env --shell fish dev | head -1')).toBe(
      'set -gx DOCKER_TLS_VERIFY "1";\n',
    );
    expect(await ok('NO_PROXY=10.0.0.1 docker-machine env --no-proxy dev | grep PROXY')).toBe(
      `export NO_PROXY="10.0.0.1,${address}"\n`,
    );
    const refused = await script('docker-machine env -u dev');
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('Expected no machine name when the -u flag is present'),
    ]);
  });

  test('config and url print the flags and the URL of the engine', async () => {
    const address = (await ok('docker-machine ip dev')).trim();
    const folder = join(belt.folder, '.belt', 'default', 'machines', 'dev');
    expect(await ok('docker-machine url dev')).toBe(`tcp://${address}:2376\n`);
    expect(await ok('docker-machine config dev')).toBe(
      [
        '--tlsverify',
        `--tlscacert="${folder}/ca.pem"`,
        `--tlscert="${folder}/cert.pem"`,
        `--tlskey="${folder}/key.pem"`,
        `-H=tcp://${address}:2376`,
        '',
      ].join('\n'),
    );
    expect(await ok('docker $(docker-machine config dev) info --format "{{.Name}}"')).toBe('dev\n');
  });

  test('a docker context works over TLS and over SSH', async () => {
    const contexts = 'export DOCKER_CONFIG="$PWD/docker-config"';
    expect(await ok(`${contexts}; docker-machine context create dev`)).toBe('belt-dev\n');
    expect(await ok(`${contexts}; docker --context belt-dev info --format '{{.Name}}'`)).toBe('dev\n');
    expect(
      await ok(`${contexts}; docker-machine context create --ssh dev; docker-machine context ls`),
    ).toMatch(/^belt-dev +dev +ssh:\/\/belt-dev$/m);
    // As docker's ssh does when ~/.ssh/config includes the file.
    expect(await ok('ssh -F .belt/default/ssh/config belt-dev hostname')).toBe('dev\n');
    expect(await ok(`${contexts}; docker-machine context rm dev`)).toBe('belt-dev\n');
    expect(await ok(`${contexts}; docker-machine context ls --json`)).toBe('[]\n');
  });

  test('inspect supports formats', async () => {
    const address = (await ok('docker-machine ip dev')).trim();
    expect(await ok("docker-machine inspect --format='{{.Driver.IPAddress}}' dev")).toBe(`${address}\n`);
    expect(await ok("docker-machine inspect -f '{{.DriverName}} {{.Nope}}' dev")).toBe('nspawn <no value>\n');
    expect(
      await ok(
        "docker-machine inspect -f '{{.HostOptions.SwarmOptions.Master}} {{.HostOptions.SwarmOptions.IsSwarm}}' dev",
      ),
    ).toBe('false false\n');
    expect(await ok("docker-machine inspect -f '{{.HostOptions.EngineOptions.Labels}}' dev")).toBe(
      '[zone=a]\n',
    );
    const json = await ok("docker-machine inspect --format='{{json .Driver}}' dev");
    expect(JSON.parse(json)).toMatchObject({ IPAddress: address, MachineName: 'dev', SSHPort: 22 });
    expect(await ok("docker-machine inspect --format='{{prettyjson .Driver}}' dev")).toContain(
      `\n    "IPAddress": "${address}",\n`,
    );
    expect(JSON.parse(await ok('docker-machine inspect dev'))).toMatchObject({
      ConfigVersion: 3,
      Name: 'dev',
    });
    const bad = await script("docker-machine inspect -f '{{.Name' dev");
    expect([bad.code, bad.stderr]).toEqual([
      1,
      expect.stringContaining('template parsing error: template: :1: unclosed action'),
    ]);
  });

  test('ls supports formats and filters', async () => {
    const url = (await ok('docker-machine url dev')).trim();
    const [header, ...rows] = (await ok('docker-machine ls')).trimEnd().split('\n');
    expect(header).toMatch(/^NAME +ACTIVE +DRIVER +STATE +URL +SWARM +DOCKER +ERRORS$/);
    expect(rows.map((row) => row.split(/\s+/))).toEqual([
      [
        'default',
        '-',
        'nspawn',
        'Running',
        expect.stringMatching(/^tcp:/),
        expect.stringMatching(/^v\d+\.\d+/),
      ],
      ['dev', '-', 'nspawn', 'Running', url, expect.stringMatching(/^v\d+\.\d+/)],
    ]);
    expect(await ok("docker-machine ls --format '{{.Name}}: {{.DriverName}}'")).toBe(
      'default: nspawn\ndev: nspawn\n',
    );
    expect(await ok(String.raw`docker-machine ls -f 'table {{.Name}}\t{{.State}}' --filter name=dev`)).toBe(
      'NAME   STATE\ndev    Running\n',
    );
    expect(await ok('docker-machine ls -q --filter label=zone=a')).toBe('dev\n');
    expect(await ok('docker-machine ls -q --filter state=Stopped --timeout 5')).toBe('');
    expect(
      await ok(`eval $(docker-machine env dev); docker-machine ls --format '{{.Active}}{{.Name}}'`),
    ).toBe('-default\n*dev\n');
  });

  test('ssh passes commands, OpenSSH flags and exit codes', async () => {
    expect(await ok('docker-machine ssh dev hostname')).toBe('dev\n');
    expect(await ok('docker-machine ssh dev -- echo a b')).toBe('a b\n');
    expect(await ok('docker-machine ssh dev -o LogLevel=QUIET "echo \\$HOME"')).toBe('/root\n');
    expect(await ok('docker-machine --native-ssh ssh dev hostname')).toBe('dev\n');
    expect((await script('docker-machine ssh dev exit 7')).code).toBe(7);
    expect((await script('docker-machine ssh dev -T exit 7')).code).toBe(7);
  });

  test('scp copies to, from and between machines, and recursively', async () => {
    await ok('mkdir -p tree/inner; echo one > tree/a; echo two > "tree/inner/b c"');
    await ok('docker-machine scp -r tree dev:/root/');
    expect(await ok('docker-machine ssh dev "cat /root/tree/a \'/root/tree/inner/b c\'"')).toBe('one\ntwo\n');
    await ok('docker-machine scp -r -q dev:/root/tree root@default:/root/copy');
    expect(await ok('docker-machine scp default:/root/copy/a localhost:./back; cat back')).toBe('one\n');
    const missing = await script('docker-machine scp nope:/x .');
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('Docker machine "nope" does not exist'),
    ]);
    expect((await script('docker-machine scp one')).stderr).toContain('missing argument: TARGET');
    expect((await script('docker-machine scp dev:/nowhere .')).code).toBe(1);
  });

  test('scp copies files with names that look like options or shell syntax', async () => {
    const odd = quoteArgs(['sp ace/it\'s a "$x" *']);
    await ok(`mkdir 'sp ace'; echo one > ${odd}; echo two > ./-dash; echo three > ./co:lon`);
    await ok(`docker-machine ssh dev "mkdir '/root/with space'"`);
    await ok(`docker-machine scp ${odd} ./-dash ./co:lon 'dev:/root/with space/'`);
    await ok(`docker-machine scp -- -dash 'dev:/root/with space/again'`);
    await ok("docker-machine scp -r 'dev:/root/with space' 'default:/root/a copy'");
    await ok("docker-machine scp -r 'default:/root/a copy' .");
    const copies = [odd.replace('sp ace', 'a copy'), "'a copy/-dash'", "'a copy/co:lon'", "'a copy/again'"];
    expect(await ok(`cat ${copies.join(' ')}`)).toBe('one\ntwo\nthree\ntwo\n');
  });

  test('scp shows progress at a terminal, but not with -q', async () => {
    await ok('head -c 20000000 /dev/zero > big');
    for (const args of [
      ['big', 'dev:/root/'],
      ['dev:/root/big', 'back again'],
      ['dev:/root/big', 'default:/root/'],
    ]) {
      const copy = runInTerminal(belt, ['scp', ...args]);
      expect([await copy.ended, copy.screen()]).toEqual([0, expect.stringMatching(/big +100% +19MB/)]);
    }
    const quiet = runInTerminal(belt, ['scp', '-q', 'big', 'dev:/root/']);
    expect([await quiet.ended, quiet.screen()]).toEqual([0, '']);
  });

  test('scp --delta only copies differences with rsync', async () => {
    const absent = await script('docker-machine scp -d tree/a dev:/root/');
    expect([absent.code, absent.stderr]).toEqual([
      1,
      expect.stringContaining('error: rsync is not installed on dev\nTry: belt exec dev -- apt-get install'),
    ]);
    await ok(`docker-machine ssh dev 'apt-get update -qq && apt-get install -y -qq rsync' >/dev/null 2>&1`);
    await ok("docker-machine scp -d -r tree 'dev:/root/by rsync/'");
    await ok('echo more >> tree/a; rm -r tree/inner/*; echo new > tree/inner/d');
    expect(await ok("docker-machine scp --delta -r tree 'dev:/root/by rsync/'")).toMatch(/^tree\/inner\/d$/m);
    await ok("docker-machine scp -d -r -q 'dev:/root/by rsync/tree' 'it is back'");
    expect(await ok('cd "it is back/tree"; cat a "inner/b c" inner/d')).toBe('one\nmore\ntwo\nnew\n');
    // The path of the ssh configuration must survive rsync's quoting.
    await ok(`ln -s "$PWD/.belt/default" "it's a \\"store\\""`);
    await ok(`docker-machine -s "$PWD/it's a \\"store\\"" scp -d tree/a dev:/root/quoted`);
    expect(await ok('docker-machine ssh dev cat /root/quoted')).toBe('one\nmore\n');
    const between = await script('docker-machine scp -d dev:/root/quoted default:/root/');
    expect([between.code, between.stderr]).toEqual([1, expect.stringContaining('rsync copies between this')]);
    const copy = runInTerminal(belt, ['scp', '-d', 'big', 'dev:/root/again']);
    expect([await copy.ended, copy.screen()]).toEqual([0, expect.stringMatching(/20,000,000 +100%/)]);
  });

  test('ssh, scp and rsync reach machines with the printed configuration', async () => {
    await ok('docker-machine ssh-config > ssh.config');
    expect(await ok('ssh -F ssh.config dev hostname')).toBe('dev\n');
    await ok('scp -q -F ssh.config tree/a dev:/root/by-scp');
    await ok("rsync -e 'ssh -F ssh.config' dev:/root/by-scp from-rsync; cmp tree/a from-rsync");
  });

  test('mount and unmount use sshfs', async () => {
    await ok("mkdir mnt; docker-machine ssh dev \"mkdir -p '/srv/da ta'; echo there > '/srv/da ta/file'\"");
    try {
      await ok("docker-machine mount 'dev:/srv/da ta' mnt");
      expect(await ok('findmnt --noheadings --output FSTYPE mnt; cat mnt/file')).toBe('fuse.sshfs\nthere\n');
      await ok('echo here > mnt/other');
      expect(await ok('docker-machine ssh dev cat "\'/srv/da ta/other\'"')).toBe('here\n');
      // The temporary ssh configuration has been removed.
      expect(await ok('ls .belt/default/ssh')).not.toContain('config-');
    } finally {
      expect(await ok("docker-machine mount -u 'dev:/srv/da ta' mnt; ls mnt")).toBe('');
    }
    const missing = await script('docker-machine mount root@dev:/nope mnt');
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('/nope: No such file or directory'),
    ]);
    expect((await script('docker-machine mount')).stderr).toContain('missing argument: [USER@]NODE:PATH');
    expect((await script('docker-machine mount -u mnt')).code).toBe(1);
    expect((await script('PATH=${PATH%%:*}; docker-machine mount dev:/srv mnt')).stderr).toContain(
      'You must have a copy of the sshfs binary locally to use the mount feature',
    );
  });

  test('version reports belt, an engine, and a stopped machine', async () => {
    expect(await ok('docker-machine version')).toMatch(/^belt version \d+\.\d+\.\d+\n$/);
    expect(await ok('docker-machine -v')).toBe(await ok('docker-machine --version'));
    expect(await ok('docker-machine version dev')).toBe(
      await ok('eval $(docker-machine env dev); docker version --format "{{.Server.Version}}"'),
    );
  });

  test('stop and start print docker-machine messages', async () => {
    expect(await ok('docker-machine stop dev')).toBe('Stopping "dev"...\nMachine "dev" was stopped.\n');
    expect(await ok('docker-machine status dev')).toBe('Stopped\n');
    const again = await script('docker-machine stop dev');
    expect([again.code, again.stdout, again.stderr]).toEqual([
      0,
      '',
      expect.stringContaining('Machine "dev" is already stopped.'),
    ]);
    const version = await script('docker-machine version dev');
    expect([version.code, version.stderr]).toEqual([
      1,
      expect.stringContaining('Unable to query docker version: Host is not running'),
    ]);
    const ssh = await script('docker-machine ssh dev -T true');
    expect([ssh.code, ssh.stderr]).toEqual([
      1,
      expect.stringContaining('Cannot run SSH command: Host "dev" is not running'),
    ]);
    for (const work of [
      'scp tree/a dev:',
      'scp -d tree/a dev:',
      'scp dev:x default:',
      'mount dev:/srv mnt',
    ]) {
      const { code, stderr } = await script(`docker-machine ${work}`);
      expect([work, code, stderr]).toEqual([work, 1, expect.stringContaining('Host "dev" is not running')]);
    }
    // Reads local records, so the machine need not run.
    expect(await ok('docker-machine env dev')).toContain('export DOCKER_MACHINE_NAME="dev"');
    expect(await ok('docker-machine start dev')).toBe(
      'Starting "dev"...\nMachine "dev" was started.\nStarted machines may have new IP addresses. You may need to re-run the `belt env` command.\n',
    );
    expect(await ok('eval $(docker-machine env dev); docker info --format "{{.Name}}"')).toBe('dev\n');
    expect((await script('docker-machine start dev')).stderr).toContain('Machine "dev" is already running.');
  });

  test('regenerate-certs replaces the certificate, and upgrade starts a stopped machine', async () => {
    const before = await readFile(join(belt.folder, '.belt/default/machines/dev/server.pem'), 'utf8');
    await ok('docker-machine regenerate-certs --force dev');
    expect(await readFile(join(belt.folder, '.belt/default/machines/dev/server.pem'), 'utf8')).not.toBe(
      before,
    );
    expect(await ok('eval $(docker-machine env dev); docker info --format "{{.Name}}"')).toBe('dev\n');
    await ok('docker-machine stop dev');
    // Whether a newer version exists depends on the package repository.
    expect((await script('docker-machine upgrade dev')).stderr).toContain(
      'Starting machine so machine can be upgraded...',
    );
    expect(await ok('docker-machine status dev')).toBe('Running\n');
  });

  test('provision and kill without names use the machine called default', async () => {
    expect(await ok('docker-machine restart dev')).toContain('Restarting "dev"...\n');
    expect(await ok('docker-machine provision')).toContain('default');
    expect(await ok('docker-machine kill')).toBe('Killing "default"...\nMachine "default" was killed.\n');
    expect(await ok('docker-machine status')).toBe('Stopped\n');
  });

  test('rm asks for confirmation, and -f ignores missing machines', async () => {
    for (const input of ['< <(echo n)', '< /dev/null']) {
      const declined = await script(`docker-machine rm dev ${input}`);
      expect(declined).toMatchObject({ code: 1, stdout: '' });
      expect(declined.stderr).toContain('error: aborted; nothing was removed\nTry: belt rm --yes dev\n');
    }
    const question = runInTerminal(belt, ['rm', 'dev']);
    await question.until(/Are you sure\? \(y\/N\)/);
    question.type('\u0003');
    expect(await question.ended).toBe(130);
    const unanswered = await script('docker-machine regenerate-certs dev < /dev/null');
    expect([unanswered.code, unanswered.stderr]).toEqual([
      1,
      expect.stringContaining('aborted; nothing was changed'),
    ]);
    expect(await ok('docker-machine ls -q')).toBe('default\ndev\n');
    const contexts = 'export DOCKER_CONFIG="$PWD/docker-config"';
    await ok(`${contexts}; docker-machine context create dev default; docker context use belt-dev`);
    expect(await ok(`${contexts}; docker-machine rm -y dev`)).toBe('Successfully removed dev\n');
    expect(await ok(`${contexts}; docker context ls -q`)).toBe('belt-default\ndefault\n');
    const gone = await script('docker-machine rm -f dev');
    expect([gone.code, gone.stderr]).toEqual([0, expect.stringContaining('Can\'t remove "dev"')]);
    expect(await ok('docker-machine rm --force default')).toBe('Successfully removed default\n');
    const none = await script('docker-machine url');
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringContaining('No machine name(s) specified and no "default" machine exists'),
    ]);
  });

  test('a new store uses the certificates given with --tls flags', async () => {
    const certs = join(belt.folder, '.belt', 'default', 'certs');
    const flags = `--tls-ca-cert ${certs}/ca.pem --tls-ca-key ${certs}/ca-key.pem --tls-client-cert ${certs}/cert.pem`;
    await ok(
      `MACHINE_TLS_CLIENT_KEY=${certs}/key.pem docker-machine -s other ${flags} create --driver nspawn third`,
    );
    expect(await readFile(join(belt.folder, 'other/machines/third/ca.pem'), 'utf8')).toBe(
      await readFile(join(certs, 'ca.pem'), 'utf8'),
    );
    expect(
      await ok(
        'docker --tlsverify --tlscacert .belt/default/certs/ca.pem --tlscert .belt/default/certs/cert.pem --tlskey .belt/default/certs/key.pem -H $(docker-machine -s other url third) info --format "{{.Name}}"',
      ),
    ).toBe('third\n');
    await ok('docker-machine -s other rm -y third');
  });

  test('an unknown command is reported', async () => {
    const { code, stderr } = await script('docker-machine bogus');
    expect([code, stderr]).toEqual([2, expect.stringContaining('"bogus" is not a belt command')]);
    expect(await ok('docker-machine help ssh')).toContain('USAGE');
  });
});

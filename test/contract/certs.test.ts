import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, issueClient, issueServer } from '../../src/certs/model/issue.js';
import { type Belt, newBelt, type Result } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/**
 * Checks the cluster's certificates with Docker's client on one machine and Docker's engine on
 * another.
 */
describe.skipIf(!canCreateMachines())('engines behind TLS', () => {
  let belt: Belt;
  let address: string;

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '512mb', 'node[1:3]']);
    address = (await belt.ok(['ip', 'node1'])).trim();
  });
  afterAll(() => belt.dispose());

  const pathOf = (file: string): string => join(belt.folder, '.belt/default', file);
  const pem = (file: string): Promise<string> => readFile(pathOf(file), 'utf8');
  const pairOf = async (folder: string): Promise<Credentials> => ({
    ca: await pem(`${folder}/ca.pem`),
    cert: await pem(`${folder}/cert.pem`),
    key: await pem(`${folder}/key.pem`),
  });
  /** Runs Docker's client on node2 against node1's engine, with these files as DOCKER_CERT_PATH. */
  const dockerWith = async (credentials: Credentials, host = address): Promise<Result> => {
    const script = Object.entries(credentials).map(
      ([name, text]) => `cat > "$d/${name}.pem" <<'END'\n${text}\nEND`,
    );
    script.unshift('d=$(mktemp -d) && cd "$d"');
    const flags = [
      '--tlscacert ca.pem',
      ...('cert' in credentials ? ['--tlscert cert.pem --tlskey key.pem'] : []),
    ];
    script.push(
      `docker --tlsverify ${flags.join(' ')} -H tcp://${host}:2376 version --format '{{.Server.Os}}'`,
    );
    return belt.run(['exec', 'node2', '--', 'sh', '-s'], { input: script.join('\n') });
  };
  const accepted = { code: 0, stdout: 'linux\n', stderr: '' };

  test('the engine accepts the client certificates of the cluster and of the machine, by address and by name', async () => {
    expect(await dockerWith(await pairOf('certs'))).toEqual(accepted);
    expect(await dockerWith(await pairOf('machines/node1'))).toEqual(accepted);
    await belt.ok(['exec', 'node2', '--', `echo '${address} node1' >> /etc/hosts`]);
    expect(await dockerWith(await pairOf('certs'), 'node1')).toEqual(accepted);
  });

  test('the engine refuses a client without a certificate', async () => {
    const { ca } = await pairOf('certs');
    expect(await refused({ ca })).toMatch(/certificate required|bad certificate/);
    recordFault({
      kind: 'Untrusted input',
      fault: 'a client without a valid certificate connects to an engine',
    });
  });

  test('the engine refuses a client of another CA with the same name', async () => {
    const { ca } = await pairOf('certs');
    const other = await createAuthority({ commonName: 'belt cluster default', keyType: 'rsa2048' });
    const { certificate: cert, key } = await issueClient(other, { commonName: 'belt' });
    expect(await refused({ ca, cert, key })).toMatch(/unknown certificate authority|bad certificate/);
    recordFault({
      kind: 'Untrusted input',
      fault: 'a client without a valid certificate connects to an engine',
    });
  });

  test('the engine refuses a client whose certificate has expired', async () => {
    const { ca } = await pairOf('certs');
    const authority = { certificate: ca, key: await pem('certs/ca-key.pem') };
    const now = new Date(Date.now() - 10 * 24 * 60 * 60 * 1000);
    const { certificate: cert, key } = await issueClient(authority, { commonName: 'belt', now, days: 2 });
    expect(await refused({ ca, cert, key })).toMatch(/expired certificate|bad certificate/);
    recordFault({
      kind: 'Untrusted input',
      fault: 'a client without a valid certificate connects to an engine',
    });
  });

  test('the engine refuses a server certificate from a client', async () => {
    const { ca } = await pairOf('certs');
    const [cert, key] = [await pem('machines/node1/server.pem'), await pem('machines/node1/server-key.pem')];
    expect(await refused({ ca, cert, key })).toMatch(
      /bad certificate|unknown certificate|certificate required/,
    );
    recordFault({
      kind: 'Untrusted input',
      fault: 'a client without a valid certificate connects to an engine',
    });
  });

  test('the client refuses an engine with a certificate of another CA', async () => {
    const pair = await pairOf('certs');
    const { certificate: ca } = await createAuthority({ commonName: 'other', keyType: 'rsa2048' });
    const { code, stderr } = await dockerWith({ ...pair, ca });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/certificate signed by unknown authority/)]);
  });

  test('regenerate-certs asks first, and the engine accepts new and old client certificates of the same CA', async () => {
    const old = await pairOf('certs');
    const answered = await belt.run(['regenerate-certs', 'node1'], { input: 'n\n' });
    expect(answered).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/irreversible\. \(y\/N\) error: aborted; nothing was changed/),
    });
    const server = await pem('machines/node1/server.pem');
    await belt.ok(['regenerate-certs', '--client-certs', 'node1'], { input: 'y\n' });
    expect(await pem('machines/node1/server.pem')).not.toBe(server);
    const renewed = await pairOf('certs');
    expect([renewed.ca, renewed.cert === old.cert, renewed.key === old.key]).toEqual([old.ca, false, false]);
    expect(await dockerWith(renewed)).toEqual(accepted);
    expect(await dockerWith(old)).toEqual(accepted);
  });

  test('certs rotate keeps a swarm managed, and engines accept the new client certificate only', async () => {
    await belt.ok(['swarm', 'init', 'node1']);
    await belt.ok(['swarm', 'join', '--manager', 'node1', 'node[2:3]']);
    const old = await pairOf('certs');
    const { ok, finished } = JSON.parse(
      await belt.ok(['certs', 'rotate', '--yes', '--key-type', 'ecdsa-p256', '--json']),
    ) as {
      ok: string[];
      finished: boolean;
    };
    expect({ ok, finished }).toEqual({ ok: ['node1', 'node2', 'node3'], finished: true });
    const now = await pairOf('certs');
    expect(await dockerWith(now)).toEqual(accepted);
    expect(await refused({ ...old, ca: now.ca })).toMatch(/unknown certificate authority|bad certificate/);
    // A new leader reports each node as unknown until the node's agent reconnects.
    const nodes = async (): Promise<string[]> => {
      const rows = JSON.parse(await belt.ok(['swarm', 'ls', 'node1', '--json'])) as SwarmRow[];
      return rows.map(({ status, reachability }) => `${status} ${reachability}`);
    };
    await expect.poll(nodes, { interval: 500 }).toEqual(Array(3).fill('ready reachable'));
    await belt.ok(['exec', 'node[1:3]', '--', 'docker swarm leave --force']);
  });

  test('when all certificates have expired, commands report it and certs rotate repairs the cluster over SSH', async () => {
    const past = { now: new Date(Date.now() - 50 * 24 * 60 * 60 * 1000), days: 20 };
    const authority = await createAuthority({ commonName: 'dead', keyType: 'ecdsa-p256', ...past });
    const client = await issueClient(authority, { commonName: 'belt', ...past });
    const server = await issueServer(authority, { commonName: 'node1', names: [address], ...past });
    const dead: Record<string, string> = {
      'certs/ca.pem': authority.certificate,
      'certs/ca-key.pem': authority.key,
      'certs/cert.pem': client.certificate,
      'certs/key.pem': client.key,
      'machines/node1/server.pem': server.certificate,
      'machines/node1/server-key.pem': server.key,
    };
    for (const [file, text] of Object.entries(dead)) await writeFile(pathOf(file), text);
    await mkdir(pathOf('certs'), { recursive: true });
    await writeFile(pathOf('certs/expiry.json'), '{"version":1,"quietUntil":"2020-01-01T00:00:00Z"}\n');
    const onEngine = [
      `cat > /etc/docker/ca.pem <<'END'\n${authority.certificate}\nEND`,
      `cat > /etc/docker/server.pem <<'END'\n${server.certificate}\nEND`,
      `cat > /etc/docker/server-key.pem <<'END'\n${server.key}\nEND`,
      'systemctl reset-failed docker; systemctl restart docker',
    ];
    await belt.ok(['exec', 'node1', '--', 'sh', '-s'], { input: onEngine.join('\n') });
    expect(await refused({ ca: authority.certificate, cert: client.certificate, key: client.key })).toMatch(
      /expired/,
    );

    const { stderr } = await belt.run(['ip', 'node1']);
    expect(stderr).toMatch(/expired on \d{4}-\d\d-\d\d, and \d more: belt certs rotate\n$/);
    await belt.ok(['certs', 'rotate', '--yes']);
    expect(await dockerWith(await pairOf('certs'))).toEqual(accepted);
    const { certificates } = JSON.parse(await belt.ok(['certs', 'status', '--json'])) as {
      certificates: { status: string }[];
    };
    expect(certificates.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect((await belt.run(['ip', 'node1'])).stderr).toBe('');
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'all certificates of a cluster expire',
    });
  });

  const refused = async (credentials: Credentials): Promise<string> => {
    const { code, stdout, stderr } = await dockerWith(credentials);
    expect([code, stdout.trim()]).toEqual([1, '']);
    return stderr;
  };
});

type Credentials = { ca: string; cert?: string; key?: string };

type SwarmRow = { status: string; reachability?: string };

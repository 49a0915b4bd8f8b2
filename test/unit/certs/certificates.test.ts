import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../../src/app/context.js';
import { certificateStatus } from '../../../src/certs/certificate-status.js';
import { ensureClusterCertificates } from '../../../src/certs/cluster-certificates.js';
import { expiryWarning } from '../../../src/certs/expiry-warning.js';
import type { ServerCertificate } from '../../../src/certs/model/certificate-terms.js';
import { createAuthority, issueClient, issueServer } from '../../../src/certs/model/issue.js';
import {
  isIssuedBy,
  matchesKey,
  readCertificate,
  splitPem,
} from '../../../src/certs/model/read-certificate.js';
import { regenerateCertificates } from '../../../src/certs/regenerate-certificates.js';
import { type RotationReport, rotateAuthority } from '../../../src/certs/rotate-authority.js';
import {
  type InstallCertificate,
  recordInstalled,
  serverCertificateFor,
} from '../../../src/certs/server-certificate.js';
import { defaultEngineSettings } from '../../../src/engine/model/engine-settings.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { waitUntilReady } from '../../../src/machines/wait-until-ready.js';
import { recordFault } from '../../lab/record-fault.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

/**
 * Runs engines that listen with mutual TLS in this process, as Docker's do, and clients that read
 * their certificates from disk.
 */

const day = 24 * 60 * 60 * 1000;
const keyType = 'ecdsa-p256';

let bed: TestBed;
let engines: Map<string, TlsEngine>;

beforeEach(async () => {
  bed = await openTestBed();
  engines = new Map();
});
afterEach(async () => {
  for (const engine of engines.values()) await engine.stop();
  await bed.close();
});

describe('cluster certificates', () => {
  test("cluster certificates are created once, in docker-machine's layout", async () => {
    const first = await ensureClusterCertificates(bed.context);
    const again = await ensureClusterCertificates(await bed.nextRun());
    expect(again).toEqual(first);
    const [machine] = await bed.running('node1');
    const server = await installedCertificate(machine as Machine, bed.context);
    expect(await files('certs')).toEqual({
      'ca.pem': first.trusted,
      'ca-key.pem': first.authority.key,
      'cert.pem': first.client.certificate,
      'key.pem': first.client.key,
    });
    expect(await files('machines/node1')).toEqual({
      'ca.pem': first.trusted,
      'cert.pem': first.client.certificate,
      'key.pem': first.client.key,
      'server.pem': server.certificate,
      'server-key.pem': server.key,
    });
    expect(bed.reporter.lines).toEqual([
      `note: Creating CA: ${bed.folder}/certs/ca.pem`,
      `note: Creating client certificate: ${bed.folder}/certs/cert.pem`,
    ]);
  });

  test('concurrent callers get the same cluster certificates', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => ensureClusterCertificates(bed.context)));
    for (const one of all) expect(one).toEqual(all[0]);
  });

  test('cluster certificates created by docker-machine are kept', async () => {
    const authority = await createAuthority({ commonName: 'theirs', keyType });
    const client = await issueClient(authority, { commonName: 'theirs' });
    await writeClusterFiles({ 'ca.pem': authority.certificate, 'ca-key.pem': authority.key });
    await writeClusterFiles({ 'cert.pem': client.certificate, 'key.pem': client.key });
    expect(await ensureClusterCertificates(bed.context)).toEqual({
      trusted: authority.certificate,
      authority,
      client,
    });
  });

  test('an expired client certificate is replaced, but an expired CA is not', async () => {
    const past = new Date(Date.now() - 50 * day);
    const authority = await createAuthority({ commonName: 'one', keyType, now: past });
    const client = await issueClient(authority, { commonName: 'one', now: past, days: 3 });
    await writeClusterFiles({ 'ca.pem': authority.certificate, 'ca-key.pem': authority.key });
    await writeClusterFiles({ 'cert.pem': client.certificate, 'key.pem': client.key });
    const renewed = await ensureClusterCertificates(bed.context);
    expect(renewed.authority).toEqual(authority);
    expect(isIssuedBy(renewed.client.certificate, authority.certificate)).toBe(true);
    expect(renewed.client.certificate).not.toBe(client.certificate);

    const old = await createAuthority({ commonName: 'one', keyType, now: past, days: 3 });
    await writeClusterFiles({ 'ca.pem': old.certificate, 'ca-key.pem': old.key });
    await expect(ensureClusterCertificates(bed.context)).rejects.toThrow(/^the cluster CA expired on /);
    expect(await files('certs')).toMatchObject({ 'ca.pem': old.certificate });
  });

  test('no second CA is created when the certificate of the first is lost', async () => {
    await ensureClusterCertificates(bed.context);
    await rm(join(bed.folder, 'certs/ca.pem'));
    await expect(ensureClusterCertificates(bed.context)).rejects.toThrow(
      `the CA certificate ${bed.folder}/certs/ca.pem is missing`,
    );
  });

  test('no CA is created when a machine trusts a missing one, and rotate repairs the machine', async () => {
    await url('url');
    await writeFile(join(bed.folder, 'machines/url/ca.pem'), 'theirs');
    const [machine] = await machinesWithTls('node1');
    await rm(join(bed.folder, 'certs'), { recursive: true });
    await expect(serverCertificateFor(machine as Machine, bed.context)).rejects.toThrow(
      `node1 trusts a CA that is not in ${bed.folder}/certs`,
    );
    expect(await rotate(bed.context)).toMatchObject({ ok: ['node1'], finished: true });
    await expectAllClientsAccepted();
  });

  test('a damaged CA is reported and not overwritten', async () => {
    await writeClusterFiles({ 'ca.pem': 'rubbish' });
    await expect(ensureClusterCertificates(bed.context)).rejects.toThrow(/certs\/ca\.pem is damaged/);
    expect(await files('certs')).toEqual({ 'ca.pem': 'rubbish' });
  });
});

describe('server certificates', () => {
  test('a server certificate contains every name and address, and is kept while it is valid', async () => {
    const machine = await machineWithAccess('node1', { tlsSans: ['Docker.example.com', 'fd00::7'] });
    const first = await installedCertificate(machine, bed.context);
    expect(readCertificate(first.certificate).names).toEqual([
      'node1',
      'localhost',
      '127.0.0.1',
      'docker.example.com',
      'fd00::7',
    ]);
    expect(await installedCertificate(machine, bed.context)).toEqual(first);
  });

  test('a server certificate is reissued for a new address, before it expires, without its key, and for another CA', async () => {
    const machine = await machineWithAccess('node1');
    const { authority } = await ensureClusterCertificates(bed.context);
    const signer = { certificate: authority.certificate, key: authority.key ?? '' };
    let last = await installedCertificate(machine, bed.context);
    const expectNew = async (of: Machine): Promise<void> => {
      const next = await installedCertificate(of, bed.context);
      expect(next.certificate).not.toBe(last.certificate);
      expect(await installedCertificate(of, bed.context)).toEqual(next);
      last = next;
    };

    const moved = { ...machine, addresses: { public: '10.0.0.9' } };
    await expectNew(moved);
    const short = await issueServer(signer, {
      commonName: 'node1',
      names: readCertificate(last.certificate).names,
      days: 20,
    });
    await writeServerCertificate(short);
    await expectNew(moved);
    await rm(join(bed.folder, 'machines/node1/server-key.pem'));
    await expectNew(moved);
    const other = await createAuthority({ commonName: 'other', keyType });
    await writeServerCertificate(
      await issueServer(other, { commonName: 'node1', names: readCertificate(last.certificate).names }),
    );
    await expectNew(moved);
  });

  test('a server certificate of docker-machine with only the address and localhost is kept', async () => {
    const machine = {
      ...(await machineWithAccess('node1')),
      addresses: { public: '10.0.0.9', private: '192.168.0.9' },
    };
    await bed.cluster.save(machine);
    const { authority } = await ensureClusterCertificates(bed.context);
    const signer = { certificate: authority.certificate, key: authority.key ?? '' };
    const pair = await issueServer(signer, { commonName: 'ada.node1', names: ['10.0.0.9', 'localhost'] });
    await writeServerCertificate(pair);
    expect(await serverCertificateFor(machine, bed.context)).toMatchObject(pair);
    const { certificates } = await certificateStatus(bed.context);
    expect(certificates.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
    await bed.engine('node1');
    await waitUntilReady(machine, { timeoutMs: 5_000, step: () => {} }, bed.context);
    expect(bed.ssh.commands).toEqual(['node1: exec docker system dial-stdio']);
  });

  test('an invalid --tls-san is refused', async () => {
    const machine = await machineWithAccess('node1', { tlsSans: ['no name'] });
    await expect(installedCertificate(machine, bed.context)).rejects.toThrow(
      '"no name" is neither a host name nor an IP address',
    );
  });
});

describe('certs status', () => {
  test('certs status lists nothing without certificates', async () => {
    expect(await certificateStatus(bed.context)).toEqual({ certificates: [], rotating: false });
  });

  test('certs status reports valid, expiring, mismatched and missing certificates', async () => {
    const names = ['good', 'moved', 'foreign', 'ending', 'ended', 'damaged', 'none'];
    await url('url');
    const machines = new Map<string, Machine>();
    for (const name of names) machines.set(name, await machineWithAccess(name));
    await bed.running('local');
    const { authority } = await ensureClusterCertificates(bed.context);
    const signer = { certificate: authority.certificate, key: authority.key ?? '' };
    for (const name of names)
      if (name !== 'none') await installedCertificate(machines.get(name) as Machine, bed.context);
    await bed.cluster.save({ ...(machines.get('moved') as Machine), addresses: { public: '10.9.9.9' } });
    const other = await createAuthority({ commonName: 'other', keyType });
    const own = { names: ['localhost', '127.0.0.1'] };
    const wanted = (name: string) => ({ commonName: name, names: [name, ...own.names] });
    await writeServerCertificate(await issueServer(other, wanted('foreign')), 'foreign');
    await writeServerCertificate(await issueServer(signer, { ...wanted('ending'), days: 10 }), 'ending');
    const past = new Date(Date.now() - 9 * day);
    await writeServerCertificate(
      await issueServer(signer, { ...wanted('ended'), days: 5, now: past }),
      'ended',
    );
    await writeFile(join(bed.folder, 'machines/damaged/server.pem'), 'rubbish');

    const { certificates } = await certificateStatus(bed.context);
    const rows = certificates.map(({ kind, machine, status, problems, daysLeft }) => [
      machine ?? kind,
      status,
      problems,
      daysLeft,
    ]);
    expect(rows).toEqual([
      ['authority', 'ok', [], 3649],
      ['client', 'ok', [], 1079],
      ['damaged', 'wrong', ['not a PEM certificate'], undefined],
      ['ended', 'expired', [], -5],
      ['ending', 'soon', [], 9],
      ['foreign', 'wrong', ['signed by another CA'], 1079],
      ['good', 'ok', [], 1079],
      ['moved', 'wrong', ['lacks 10.9.9.9'], 1079],
      ['none', 'missing', [], undefined],
    ]);
  });
});

describe('the expiry warning', () => {
  test('the expiry warning starts 30 days before the first expiry, and names the certificate and the command', async () => {
    const machine = await machineWithAccess('node1');
    const authority = await createAuthority({ commonName: 'one', keyType });
    await writeClusterFiles({ 'ca.pem': authority.certificate, 'ca-key.pem': authority.key });
    await installedCertificate(machine, bed.context);
    const inDays = (days: number): Promise<string | undefined> =>
      expiryWarning(bed.cluster, new Date(Date.now() + days * day));

    expect(await inDays(0)).toBeUndefined();
    expect(existsSync(join(bed.folder, 'certs/expiry.json'))).toBe(true);
    expect(await inDays(1049)).toBeUndefined();
    expect(await inDays(1051)).toMatch(
      /^the client certificate expires in 28 days \(\d{4}-\d\d-\d\d\), and 1 more: belt regenerate-certs --client-certs node1$/,
    );
    expect(await inDays(1090)).toMatch(
      /^the client certificate expired on \d{4}-\d\d-\d\d, and 1 more: belt regenerate/,
    );
    expect(await inDays(3640)).toMatch(/: belt certs rotate$/);
  });

  test('the expiry warning is updated when a certificate that expires earlier is written', async () => {
    await ensureClusterCertificates(bed.context);
    expect(await expiryWarning(bed.cluster)).toBeUndefined();
    const authority = await createAuthority({ commonName: 'short', keyType, days: 12 });
    await writeClusterFiles({ 'ca.pem': authority.certificate, 'ca-key.pem': authority.key });
    await ensureClusterCertificates(bed.context);
    expect(await expiryWarning(bed.cluster)).toMatch(/expires in 11 days .*, and 1 more: belt certs rotate$/);
  });

  test('the expiry warning creates no files without certificates', async () => {
    expect(await expiryWarning(bed.cluster)).toBeUndefined();
    expect(await bed.files()).toEqual([]);
  });
});

describe('regenerate-certs', () => {
  test('regenerate-certs renews the named machines, and the client certificate on request', async () => {
    const machines = await machinesWithTls('node1', 'node2');
    const before = await allFiles();
    const outcomes = await regenerateCertificates(
      { machines: machines.slice(0, 1), clientCerts: false, install },
      bed.context,
    );
    expect(outcomes.map(({ name, status }) => [name, status])).toEqual([['node1', 'ok']]);
    const after = await allFiles();
    expect(changed(before, after)).toEqual(['machines/node1/server-key.pem', 'machines/node1/server.pem']);
    await expectAllClientsAccepted();

    await regenerateCertificates({ machines: machines.slice(0, 1), clientCerts: true, install }, bed.context);
    expect(changed(after, await allFiles())).toEqual(
      ['certs', 'machines/node1', 'machines/node2']
        .flatMap((folder) => [`${folder}/cert.pem`, `${folder}/key.pem`])
        .concat(['machines/node1/server-key.pem', 'machines/node1/server.pem'])
        .sort(),
    );
    await expectAllClientsAccepted();
  });

  test('regenerate-certs keeps all files when the machine is unreachable', async () => {
    const machines = await machinesWithTls('node1');
    const before = await allFiles();
    const away: InstallCertificate = async () => {
      throw new Error('node1 is stopped');
    };
    const input = { machines, clientCerts: false };
    const outcomes = await regenerateCertificates({ ...input, install: away }, bed.context);
    expect(outcomes.map(({ status }) => status)).toEqual(['failed']);
    expect(await allFiles()).toEqual(before);
  });

  test('regenerate-certs keeps the files of a machine with another CA until its engine has the new certificate', async () => {
    const machines = await machinesWithTls('node1', 'node2');
    const other = await createAuthority({ commonName: 'other', keyType });
    await writeFile(join(bed.folder, 'machines/node2/ca.pem'), other.certificate);
    const before = await files('machines/node2');
    const input = { clientCerts: true, install };
    await regenerateCertificates({ ...input, machines: machines.slice(0, 1) }, bed.context);
    expect(await files('machines/node2')).toEqual(before);
    await regenerateCertificates({ ...input, machines: machines.slice(1) }, bed.context);
    await expectAllClientsAccepted();
  });

  test('regenerate-certs completes a run that was interrupted between the engine and the local files', async () => {
    const machines = await machinesWithTls('node1');
    const input = { machines, clientCerts: false };
    const cutOff: InstallCertificate = async ({ name }, certificate) => {
      await engines.get(name)?.install(certificate);
      throw new Error('the computer is off');
    };
    await regenerateCertificates({ ...input, install: cutOff }, bed.context);
    await expectAllClientsAccepted();
    await regenerateCertificates({ ...input, install }, bed.context);
    expect(await files('machines/node1')).toMatchObject({
      'server.pem': engines.get('node1')?.files?.certificate,
      'server-key.pem': engines.get('node1')?.files?.key,
    });
    await expectAllClientsAccepted();
  });

  test('regenerate-certs refuses a machine known only by its URL, and writes nothing', async () => {
    const machine = await url('url');
    const before = await bed.files();
    await expect(
      regenerateCertificates({ machines: [machine], clientCerts: true, install }, bed.context),
    ).rejects.toThrow('url is known only by its URL; belt cannot change its engine');
    expect(await bed.files()).toEqual(before);
  });

  test('regenerate-certs refuses an engine without TLS', async () => {
    const machine = await machineWithAccess('node1', { access: 'local' });
    await expect(
      regenerateCertificates({ machines: [machine], clientCerts: false, install }, bed.context),
    ).rejects.toThrow(/^the engine of node1 does not use TLS \(access: local\)/);
  });
});

describe('certs rotate', { timeout: 300_000 }, () => {
  test('certs rotate keeps every engine reachable after each step, and removes the old CA at the end', async () => {
    await machinesWithTls('node1', 'node2', 'node3');
    const old = await files('certs');
    const { writes } = watchWrites(bed.context, () => expectAllClientsAccepted());
    const report = await rotate(bed.context);
    expect(report).toEqual({ ok: ['node1', 'node2', 'node3'], failed: [], skipped: [], finished: true });
    expect(writes()).toBeGreaterThan(15);
    await expectRotated(old);
    for (const engine of engines.values()) expect(engine.starts).toBe(3);
  });

  test('certs rotate skips a machine known only by its URL, and keeps its certificates', async () => {
    await machinesWithTls('node1');
    await url('url');
    const folder = join(bed.folder, 'machines/url');
    for (const name of ['ca.pem', 'cert.pem', 'key.pem', 'server.pem'])
      await writeFile(join(folder, name), 'theirs');
    const before = await files('machines/url');
    expect(await rotate(bed.context)).toMatchObject({ ok: ['node1'], finished: true });
    expect(await files('machines/url')).toEqual(before);
  });

  test('certs rotate completes a run that was interrupted anywhere, and engines stay reachable in between', async () => {
    let tried = 0;
    await machinesWithTls('node1', 'node2');
    let finished = false;
    for (let limit = 1; !finished; limit++) {
      tried++;
      const old = await files('certs');
      const first = await bed.nextRun();
      const watched = watchWrites(first, async () => {}, limit);
      finished = await rotate(first).then(
        () => watched.writes() < limit,
        (error: Error) => {
          expect(error.message).toBe('the computer is off');
          return false;
        },
      );
      // Certificate and key are two files, so they may not match until the next run.
      await expectAllClientsAccepted({ except: isTorn });
      const report = finished ? undefined : await rotate(await bed.nextRun());
      if (report) expect(report).toMatchObject({ ok: ['node1', 'node2'], finished: true });
      await expectRotated(old);
    }
    recordFault({
      kind: 'Killed and interrupted',
      fault: '`certs rotate` ends before any of its writes',
      tried: tried - 1,
    });
  });

  test('certs rotate stops at an unreachable machine, unless forced', async () => {
    await machinesWithTls('node1', 'node2', 'node3');
    const old = await files('certs');
    const failing: InstallCertificate = async (machine, ...what) => {
      if (machine.name === 'node2') throw new Error('node2 is stopped');
      await install(machine, ...what);
    };
    const report = await rotate(bed.context, { install: failing });
    expect(report).toEqual({
      ok: ['node1', 'node3'],
      failed: [{ name: 'node2', code: 'bug', error: 'node2 is stopped' }],
      skipped: [],
      finished: false,
    });
    await expectAllClientsAccepted();
    expect((await certificateStatus(bed.context)).rotating).toBe(true);

    const forced = await rotate(await bed.nextRun(), { install: failing, force: true });
    expect(forced).toEqual({ ...report, finished: true });
    await expect(pingEngine('node2', 'certs')).rejects.toThrow();
    const machine = await bed.cluster.machine('node2');
    await regenerateCertificates({ machines: [machine], clientCerts: false, install }, bed.context);
    await expectRotated(old);
  });

  test('certs rotate keeps the old CA while an engine refuses the new client certificate', async () => {
    await machinesWithTls('node1');
    const verify = async (): Promise<never> => {
      throw new Error('refused');
    };
    expect(await rotate(bed.context, { verify })).toMatchObject({
      finished: false,
      failed: [{ error: 'refused' }],
    });
    expect(splitPem(engines.get('node1')?.files?.ca ?? '')).toHaveLength(2);
    expect(await rotate(await bed.nextRun())).toMatchObject({ finished: true });
  });

  test('certs rotate recovers a cluster whose certificates have all expired', async () => {
    const past = new Date(Date.now() - 50 * day);
    const authority = await createAuthority({ commonName: 'dead', keyType, now: past, days: 5 });
    await writeClusterFiles({ 'ca.pem': authority.certificate, 'ca-key.pem': authority.key });
    const machine = await machineWithAccess('node1');
    const engine = await TlsEngine.start('node1');
    await bed.cluster.save(withPort(machine, engine.port));
    const old = await files('certs');
    expect(await rotate(bed.context)).toMatchObject({ ok: ['node1'], finished: true });
    await expectRotated(old);
  });

  test('certs rotate updates the managers of a swarm one at a time', async () => {
    const machines = await machinesWithTls('node1', 'node2', 'node3', 'node4');
    for (const { name } of machines.slice(0, 3)) await manager(name);
    let now = 0;
    let most = 0;
    const counting: InstallCertificate = async (machine, ...what) => {
      const isManager = machine.name !== 'node4';
      if (isManager) most = Math.max(most, ++now);
      await install(machine, ...what);
      if (isManager) now--;
    };
    await rotate(bed.context, { install: counting });
    expect(most).toBe(1);
  });
});

async function rotate(
  context: Context,
  changes: Partial<Parameters<typeof rotateAuthority>[0]> = {},
): Promise<RotationReport> {
  return rotateAuthority(
    {
      install: installerOf(context),
      verify: ({ name }) => pingEngine(name, 'certs'),
      force: false,
      ...changes,
    },
    context,
  );
}

/**
 * Expects all certificates and engines to use one new CA, and engines to refuse the old client
 * certificate.
 */
async function expectRotated(old: Record<string, string>): Promise<void> {
  const now = await files('certs');
  expect(Object.keys(now).sort()).toEqual(['ca-key.pem', 'ca.pem', 'cert.pem', 'key.pem']);
  expect(now['ca.pem']).not.toBe(old['ca.pem']);
  expect(splitPem(now['ca.pem'] ?? '')).toHaveLength(1);
  const { certificates, rotating } = await certificateStatus(bed.context);
  expect(certificates.filter(({ status }) => status !== 'ok')).toEqual([]);
  expect(rotating).toBe(false);
  await expectAllClientsAccepted();
  if (old['cert.pem'] === undefined) return;
  for (const { port } of engines.values()) {
    const credentials = { ca: now['ca.pem'] ?? '', cert: old['cert.pem'] ?? '', key: old['key.pem'] ?? '' };
    await expect(ping(port, credentials)).rejects.toThrow();
  }
}

/**
 * Calls `then` after each written file, and fails at the limit, as if the computer had lost power.
 */
function watchWrites(
  context: Context,
  then: () => Promise<void>,
  limit = Number.POSITIVE_INFINITY,
): { writes: () => number } {
  let count = 0;
  const { files: stateFiles } = context.cluster;
  const write = stateFiles.write.bind(stateFiles);
  stateFiles.write = async (path, text) => {
    if (path.includes('/claims/')) return write(path, text);
    if (++count >= limit) throw new Error('the computer is off');
    await write(path, text);
    // The key is written first and does not match until its certificate is written.
    if (!path.endsWith('key.pem')) await then();
  };
  return { writes: () => count };
}

/** Installs certificates as provisioning does. */
function installerOf(context: Context): InstallCertificate {
  return async ({ name }, certificate) => {
    await engines.get(name)?.install(certificate);
    await recordInstalled(name, certificate, context);
  };
}

const install: InstallCertificate = (...what) => installerOf(bed.context)(...what);

/** Issues the machine's server certificate and records it as installed. */
async function installedCertificate(machine: Machine, context: Context): Promise<ServerCertificate> {
  const certificate = await serverCertificateFor(machine, context);
  await recordInstalled(machine.name, certificate, context);
  return certificate;
}

/** Creates machines whose engines listen with TLS. */
async function machinesWithTls(...names: string[]): Promise<Machine[]> {
  await ensureClusterCertificates(bed.context);
  return Promise.all(
    names.map(async (name) => {
      const engine = await TlsEngine.start(name);
      const machine = withPort(await machineWithAccess(name), engine.port);
      await bed.cluster.save(machine);
      await install(machine, await serverCertificateFor(machine, bed.context), () => {});
      return machine;
    }),
  );
}

async function machineWithAccess(name: string, engine: Partial<Machine['engine']> = {}): Promise<Machine> {
  const [machine] = await bed.running(name);
  if (!machine) throw new Error(`no ${name}`);
  const recorded: Machine = {
    ...machine,
    addresses: { public: '127.0.0.1' },
    engine: { ...defaultEngineSettings, ...engine },
  };
  await bed.cluster.save(recorded);
  return recorded;
}

/** Creates a machine of docker-machine's driver `none` that is recorded as using TLS. */
async function url(name: string): Promise<Machine> {
  const machine = {
    ...(await machineWithAccess(name)),
    driver: 'none',
    driverData: { URL: 'tcp://192.0.2.1:2376' },
  };
  await bed.cluster.save(machine);
  return machine;
}

function withPort(machine: Machine, port: number): Machine {
  return { ...machine, engine: { ...defaultEngineSettings, ...machine.engine, port } };
}

async function manager(name: string): Promise<void> {
  const { context } = bed;
  const { initSwarm } = await import('../../../src/swarm/init-swarm.js');
  await initSwarm(await bed.cluster.machine(name), {}, context);
}

/**
 * Expects each engine to accept the client certificates of the cluster and of every machine's
 * folder.
 */
async function expectAllClientsAccepted({ except = async (_folder: string) => false } = {}): Promise<void> {
  const folders = ['certs', ...[...engines.keys()].map((name) => `machines/${name}`)];
  for (const folder of folders) {
    if (await except(folder)) continue;
    for (const name of engines.keys()) await pingEngine(name, folder);
  }
}

async function isTorn(folder: string): Promise<boolean> {
  const { 'cert.pem': certificate = '', 'key.pem': key = '' } = await files(folder);
  return !matchesKey({ certificate, key });
}

async function pingEngine(name: string, folder: string): Promise<void> {
  const { 'ca.pem': ca = '', 'cert.pem': cert = '', 'key.pem': key = '' } = await files(folder);
  await ping(engines.get(name)?.port ?? 0, { ca, cert, key });
}

function ping(port: number, credentials: { ca: string; cert: string; key: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port, path: '/_ping', agent: false, ...credentials },
      (response) => {
        response.resume();
        response.on('end', resolve);
      },
    );
    call.on('error', reject);
    call.end();
  });
}

/** Returns the PEM files of a folder of the cluster. */
async function files(folder: string): Promise<Record<string, string>> {
  const all = Object.entries(await allFiles());
  const own = all.filter(([path]) => path.startsWith(`${folder}/`));
  return Object.fromEntries(own.map(([path, text]) => [path.slice(folder.length + 1), text]));
}

async function allFiles(): Promise<Record<string, string>> {
  const paths = (await bed.files()).filter((path) => path.endsWith('.pem'));
  const entries = paths.map(async (path) => [
    path.slice(bed.folder.length + 1),
    await readFile(path, 'utf8'),
  ]);
  return Object.fromEntries(await Promise.all(entries));
}

function changed(before: Record<string, string>, after: Record<string, string>): string[] {
  return Object.keys(after)
    .filter((path) => after[path] !== before[path])
    .sort();
}

async function writeClusterFiles(texts: Record<string, string>): Promise<void> {
  await mkdir(join(bed.folder, 'certs'), { recursive: true });
  for (const [name, text] of Object.entries(texts)) await writeFile(join(bed.folder, 'certs', name), text);
  await rm(join(bed.folder, 'certs/expiry.json'), { force: true });
}

async function writeServerCertificate(
  { certificate, key }: { certificate: string; key: string },
  name = 'node1',
): Promise<void> {
  await writeFile(join(bed.folder, 'machines', name, 'server.pem'), certificate);
  await writeFile(join(bed.folder, 'machines', name, 'server-key.pem'), key);
}

class TlsEngine {
  files: ServerCertificate | undefined;
  starts = 0;
  private server: Server | undefined;

  private constructor(readonly port: number) {}

  static async start(name: string): Promise<TlsEngine> {
    // A port that is free now; the engine keeps it across restarts.
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const engine = new TlsEngine(port);
    engines.set(name, engine);
    return engine;
  }

  /**
   * Uses the files from its start and requires a client certificate, as Docker's engine does.
   * Unlike a real one, it restarts without downtime, so that tests see only which CA it trusts.
   */
  async install(wanted: ServerCertificate): Promise<void> {
    if (JSON.stringify(wanted) === JSON.stringify(this.files)) return;
    this.files = wanted;
    this.starts++;
    const { ca, certificate: cert, key } = wanted;
    if (this.server) return void this.server.setSecureContext({ ca, cert, key });
    this.server = createServer(
      { ca, cert, key, requestCert: true, rejectUnauthorized: true },
      (_, response) => response.end('OK'),
    );
    await new Promise<void>((resolve) => this.server?.listen(this.port, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

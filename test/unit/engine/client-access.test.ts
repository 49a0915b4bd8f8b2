import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addressOf } from '../../../src/app/connect-ssh.js';
import { createAuthority, issueClient, issueServer } from '../../../src/certs/model/issue.js';
import { clientAccess } from '../../../src/engine/client-access.js';
import { engineStatus } from '../../../src/engine/engine-status.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

/** Engines known only by URL. */

let bed: TestBed;
const closing: (() => void)[] = [];

beforeEach(async () => {
  bed = await openTestBed();
});
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await bed.close();
});

async function box(url: string): Promise<Machine> {
  const machine: Machine = {
    name: 'box',
    driver: 'none',
    phase: 'ready',
    addresses: url.startsWith('unix:') ? {} : { public: '10.0.0.9' },
    ssh: { user: '', port: 0 },
    driverData: { URL: url },
    createdAt: '2026-01-02T03:04:05.000Z',
  };
  await bed.cluster.save(machine);
  return machine;
}

const folder = (): string => bed.cluster.machineFolder('box');

async function writeFiles(texts: Record<string, string>, where = folder()): Promise<void> {
  await mkdir(where, { recursive: true });
  for (const [name, text] of Object.entries(texts)) await writeFile(join(where, name), text);
}

const anyPems = { 'ca.pem': 'a', 'cert.pem': 'b', 'key.pem': 'c' };

describe('clientAccess', () => {
  test.each(['tcp://10.0.0.9:2376', 'https://10.0.0.9'])(
    'clientAccess returns the certificates in the folder of an engine at %s',
    async (url) => {
      await box(url);
      await writeFiles(anyPems);
      expect(await clientAccess('box', bed.cluster)).toEqual({
        name: 'box',
        url,
        address: '10.0.0.9',
        certificates: {
          folder: folder(),
          authority: join(folder(), 'ca.pem'),
          certificate: join(folder(), 'cert.pem'),
          key: join(folder(), 'key.pem'),
        },
      });
    },
  );

  test('clientAccess ignores an incomplete set of certificates', async () => {
    await box('tcp://10.0.0.9:2376');
    await writeFiles({ 'ca.pem': 'a', 'cert.pem': 'b' });
    await writeFiles(anyPems, bed.cluster.certsFolder);
    expect(await clientAccess('box', bed.cluster)).not.toHaveProperty('certificates');
  });

  test.each(['http://10.0.0.9:2375', 'unix:///var/run/docker.sock'])(
    'clientAccess returns no certificates for an engine at %s',
    async (url) => {
      await box(url);
      await writeFiles(anyPems);
      expect(await clientAccess('box', bed.cluster)).not.toHaveProperty('certificates');
    },
  );
});

describe('engineStatus', () => {
  const answer: RequestListener = (request, response) => {
    if (request.url === '/_ping') response.setHeader('swarm', 'inactive').end('OK');
    else response.end('{"Version":"28.1.0"}');
  };
  const ask = async (url: string) => engineStatus(await box(url), bed.context, AbortSignal.timeout(5_000));

  async function listen(server: ReturnType<typeof createServer>, path?: string): Promise<number> {
    server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path });
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    await once(server, 'listening');
    return path === undefined ? (server.address() as AddressInfo).port : 0;
  }

  test('engineStatus connects through a local socket', async () => {
    const path = join(bed.folder, '..', 'docker.sock');
    await listen(createServer(answer), path);
    expect(await ask(`unix://${path}`)).toEqual({ version: '28.1.0', swarm: '' });
  });

  test("engineStatus connects over TLS with the certificates of the machine's folder", async () => {
    const authority = await createAuthority({ commonName: 'theirs', keyType: 'ecdsa-p256' });
    const { certificate: cert, key } = await issueServer(authority, {
      commonName: 'box',
      names: ['127.0.0.1'],
    });
    const options = { ca: authority.certificate, cert, key, requestCert: true, rejectUnauthorized: true };
    const port = await listen(createTlsServer(options, answer));
    const client = await issueClient(authority, { commonName: 'me' });
    await writeFiles({
      'ca.pem': authority.certificate,
      'cert.pem': client.certificate,
      'key.pem': client.key,
    });
    expect(await ask(`tcp://127.0.0.1:${port}`)).toEqual({ version: '28.1.0', swarm: '' });
  });

  test('engineStatus connects without TLS when there are no certificates', async () => {
    const port = await listen(createServer(answer));
    expect(await ask(`tcp://127.0.0.1:${port}`)).toEqual({ version: '28.1.0', swarm: '' });
    expect(await ask(`http://127.0.0.1:${port}`)).toEqual({ version: '28.1.0', swarm: '' });
  });

  test('engineStatus refuses an unsupported URL', async () => {
    await expect(ask('ssh://root@10.0.0.9')).rejects.toThrow(
      'box: cannot reach an engine at "ssh://root@10.0.0.9"',
    );
  });
});

test('a machine with a local socket has no address', async () => {
  const machine = await box('unix:///var/run/docker.sock');
  expect(() => addressOf(machine)).toThrow(
    'box has no address: it is known by its URL alone, unix:///var/run/docker.sock',
  );
});

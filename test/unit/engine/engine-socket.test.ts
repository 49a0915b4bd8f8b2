import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openClientRoute } from '../../../src/engine/client-route.js';
import { openEngineSocket } from '../../../src/engine/engine-socket.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { NoChannelError, type Ssh } from '../../../src/ssh/index.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;
let machine: Machine;

beforeEach(async () => {
  bed = await openTestBed();
  [machine] = (await bed.running('node1')) as [Machine];
});
afterEach(() => bed.close());

async function get(socketPath: string, path: string): Promise<{ status: number | undefined; body: string }> {
  const call = request({ socketPath, path, agent: false }).end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}

describe('the socket of an engine', () => {
  test('clients reach the engine through it, and only this user may use it', async () => {
    let folder: string;
    {
      await using socket = await openEngineSocket(machine, bed.context);
      folder = dirname(socket.path);
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      const answers = await Promise.all([1, 2, 3].map(() => get(socket.path, '/version')));
      for (const { status, body } of answers) {
        expect(status).toBe(200);
        expect(JSON.parse(body)).toHaveProperty('Version');
      }
    }
    expect(existsSync(folder)).toBe(false);
  });

  test('what docker on the machine reports is the response', async () => {
    bed.ssh.brokenDocker.set('node1', { code: 127, stderr: 'docker: not found\n' });
    await using socket = await openEngineSocket(machine, bed.context);
    expect(await get(socket.path, '/version')).toEqual({
      status: 502,
      body: '{"message":"node1: docker: not found"}',
    });
  });

  test('a machine that cannot be reached is an error, and leaves no folder', async () => {
    bed.ssh.refused.add('node1');
    await expect(openEngineSocket(machine, bed.context)).rejects.toThrow('refused by 10.0.0.1 port 22');
  });

  test('it opens further connections when a server allows few channels on one', async () => {
    const copies: number[] = [];
    const limited: Ssh = {
      waitFor: (target, options) => bed.ssh.waitFor(target, options),
      closeAll() {},
      async connect(target, { copy = 0, ...options } = {}) {
        copies.push(copy);
        const connection = await bed.ssh.connect(target, options);
        let channels = 0;
        return {
          ...connection,
          async stream(command, streams) {
            if (channels === 2) throw new NoChannelError('node1: the server refuses');
            channels++;
            return connection.stream(command, streams).finally(() => channels--);
          },
        };
      },
    };
    await using socket = await openEngineSocket(machine, { ...bed.context, ssh: async () => limited });
    const clients = [1, 2, 3, 4, 5].map(() => connect(socket.path));
    for (const client of clients) client.write('GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n');
    for (const client of clients) expect(String((await once(client, 'data'))[0])).toMatch(/^HTTP\/1.1 200/);
    expect(copies).toEqual([0, 1, 2]);
    for (const client of clients) client.destroy();
    await expect.poll(() => bed.ssh.channels).toBe(0);
  });
});

describe('the route of the docker client', () => {
  test('an engine without a port is reached over SSH', async () => {
    await using route = await openClientRoute(machine, bed.context);
    expect(route.url).toMatch(/^unix:\/\/.*\/belt-docker-.*\/engine.sock$/);
    expect(route.certificates).toBeUndefined();
    expect((await get(route.url.slice('unix://'.length), '/_ping')).status).toBe(200);
  });

  test('a machine known by its URL is reached there', async () => {
    const url = 'tcp://10.0.0.9:2376';
    await using route = await openClientRoute(
      { ...machine, driver: 'none', driverData: { URL: url } },
      bed.context,
    );
    expect(route).toMatchObject({ url, reason: `${url}: it is known only by its URL` });
  });
});

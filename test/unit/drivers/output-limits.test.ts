import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeRegionsCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { dockerClient } from '../../../src/cli/docker-client.js';
import { openApi } from '../../../src/drivers/amazonec2/ec2-api.js';
import { readSettings } from '../../../src/drivers/amazonec2/ec2-settings.js';
import { openVBoxManage } from '../../../src/drivers/virtualbox/vboxmanage.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belt-limits-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A program that prints without end. */
function endless(name: string): void {
  writeFileSync(join(folder, name), '#!/bin/sh\nexec yes\n', { mode: 0o755 });
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
}

test.skipIf(process.platform === 'win32')('endless output of VBoxManage is an error', async () => {
  endless('VBoxManage');
  await expect(openVBoxManage(undefined).run(['list', 'vms'])).rejects.toThrow(
    'the output of VBoxManage list vms is larger than 4 MiB',
  );
});

test.skipIf(process.platform === 'win32')('endless output of docker is an error', async () => {
  endless('docker');
  await expect(dockerClient(['context', 'ls', '--quiet'])).rejects.toThrow(
    'the output of docker context ls is larger than 16 MiB',
  );
});

test('an endless response of the EC2 API is an error, and is not requested again', async () => {
  let requests = 0;
  const server = createServer((_, response) => {
    requests++;
    const write = (): void => {
      while (response.writable && response.write(Buffer.alloc(1024 * 1024, ' ')));
    };
    response.on('drain', write);
    write();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = { ...readSettings({ retries: 3 }), endpoint, region: 'us-east-1' };
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const { client } = await openApi({ ...settings, credentials });
  try {
    await expect(client.send(new DescribeRegionsCommand())).rejects.toThrow(
      'the response of the EC2 API is larger than 64 MiB',
    );
    expect(requests).toBe(1);
  } finally {
    client.destroy();
    server.closeAllConnections();
    server.close();
  }
});

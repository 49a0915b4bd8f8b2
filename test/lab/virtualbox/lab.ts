import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Guests, startGuests } from '../ec2/guests.js';
import { hypervisor } from './hypervisor.js';
import { type Answer, waitForServerExit } from './real.js';

/** A separate VirtualBox for the test, initially without VMs and disks. */
export interface VirtualBoxLab {
  folder: string;
  /** Settings of the driver by key. */
  settings: Record<string, string | number | boolean>;
  /** The settings as variables for the built program. */
  env: Record<string, string>;
  /** All calls of VBoxManage and their results. */
  calls: { args: readonly string[]; answer: Answer }[];
  /** Runs VBoxManage as another user of VirtualBox on this computer. */
  vbox(...args: string[]): Promise<string>;
  vms(): Promise<string[]>;
  dispose(): Promise<void>;
}

/** @param withGuests run VMs as guests; otherwise they only have the state of running VMs */
export async function startVirtualBox({ withGuests }: { withGuests: boolean }): Promise<VirtualBoxLab> {
  const folder = await mkdtemp(join(tmpdir(), 'belt-vbox-'));
  await chmod(folder, 0o755);
  const network = freeNetwork();
  const bridge = `vbn${process.pid}`;
  const guests: Guests | undefined = withGuests
    ? await startGuests({ bridge, network: `${network}.0/24` })
    : undefined;
  const { answer: answerTo, dispose: powerOff } = hypervisor(folder, guests, bridge);
  const calls: VirtualBoxLab['calls'] = [];
  const program = await serveProgram(folder, async (args) => {
    const answer = await answerTo(args);
    calls.push({ args, answer });
    return answer;
  });
  const images = await serveImage();
  const settings = {
    install_path: join(folder, 'bin'),
    folder: join(folder, 'vms'),
    image: `${images.url}/lab.raw`,
    hostonly_cidr: `${network}.1/24`,
    // VirtualBox reports no virtualization support without its kernel module.
    no_vtx_check: true,
    disk_size: 4000,
  };
  const vbox = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await answerTo(args);
    if (code === 0) return stdout;
    // VirtualBox's server was just exiting.
    if (stderr.includes('Failed to create the VirtualBox object')) return vbox(...args);
    throw new Error(`VBoxManage ${args.join(' ')}: ${stderr}`);
  };
  return {
    folder,
    settings,
    env: {
      VBOX_INSTALL_PATH: settings.install_path,
      VIRTUALBOX_FOLDER: settings.folder,
      VIRTUALBOX_IMAGE: settings.image,
      VIRTUALBOX_HOSTONLY_CIDR: settings.hostonly_cidr,
      VIRTUALBOX_NO_VTX_CHECK: 'true',
      VIRTUALBOX_DISK_SIZE: String(settings.disk_size),
    },
    calls,
    vbox,
    vms: async () =>
      [...(await vbox('list', 'vms')).matchAll(/^"(.*)" \{/gm)].map(([, name = '']) => name).sort(),
    async dispose() {
      await guests?.dispose();
      await close(program);
      await close(images.server);
      powerOff();
      await waitForServerExit(folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Finds an unused network among the eight /24 that VirtualBox allows by default. */
function freeNetwork(): string {
  const taken = Object.values(networkInterfaces()).flatMap((addresses) =>
    addresses?.map(({ address }) => address),
  );
  const all = Array.from({ length: 8 }, (_, index) => `192.168.${56 + ((process.pid + index) % 8)}`);
  const free = all.find((network) => !taken.some((address) => address?.startsWith(`${network}.`)));
  if (free === undefined) throw new Error('192.168.56.0/21 is in use on this computer');
  return free;
}

/** Installs a `VBoxManage` that sends its arguments to this process and prints the result. */
async function serveProgram(
  folder: string,
  answerTo: (args: readonly string[]) => Promise<Answer>,
): Promise<Server> {
  const socket = join(folder, 'lab.socket');
  await mkdir(join(folder, 'bin'));
  const script = `#!/bin/sh
eval "$(printf '%s\\0' "$@" | curl -s -S --unix-socket '${socket}' --data-binary @- http://lab/ || echo 'exit 250')"
`;
  await writeFile(join(folder, 'bin/VBoxManage'), script, { mode: 0o755 });
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const args = Buffer.concat(chunks).toString().split('\0').slice(0, -1);
    const { code, stdout, stderr } = await answerTo(args).catch((error: Error) => ({
      code: 251,
      stdout: '',
      stderr: `the lab failed: ${error.stack}\n`,
    }));
    response.end(`printf %s ${quoted(stdout)}; printf %s ${quoted(stderr)} >&2; exit ${code}\n`);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return server;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Serves an empty raw disk and its checksum in place of a vendor's image, because guests boot from
 * another root.
 */
async function serveImage(): Promise<{ url: string; server: Server }> {
  const disk = Buffer.alloc(8 * 1024 * 1024);
  const sums = `${createHash('sha512').update(disk).digest('hex')}  lab.raw\n`;
  const server = createServer((request, response) => {
    if (request.url === '/lab.raw') response.end(disk);
    else if (request.url === '/SHA512SUMS') response.end(sums);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((done) => server.close(() => done()));
}

import { rm } from 'node:fs/promises';
import * as z from 'zod/mini';
import { UserError } from '../../base/errors.js';
import { formatAddress, formatRange, overlap, type Range, tryParseRange } from '../../base/ip-addresses.js';
import { readRecord, writeRecord } from '../../base/record-file.js';
import { firstFreeRange, gatewayOf, parseRange } from './address-range.js';
import { run } from './host-program.js';
import { loadModules, prepareKernel } from './kernel.js';
import { ensureFolder, type NspawnLayout } from './layout.js';
import { ensureNat, removeNat } from './nat.js';
import type { NspawnSettings } from './nspawn-settings.js';

export interface GuestNetwork {
  bridge: string;
  range: Range;
}

const networkSchema = z.object({ version: z.literal(1), bridge: z.string(), network: z.string() });

interface LinkAddress {
  ifname: string;
  addr_info: { family: string; local?: string; prefixlen?: number }[];
}

/** Changes nothing. @throws UserError for a clash with a network in use or existing machines */
export async function planNetwork(
  layout: NspawnLayout,
  settings: NspawnSettings,
  machines: number,
): Promise<GuestNetwork> {
  const recorded = await readNetwork(layout);
  if (recorded && (machines > 0 || matchesSettings(recorded, settings))) {
    if (!matchesSettings(recorded, settings)) throw networkMismatch(recorded, settings, layout);
    return recorded;
  }
  return { bridge: settings.bridge, range: await chooseRange(settings, recorded?.bridge) };
}

export async function readNetwork(layout: NspawnLayout): Promise<GuestNetwork | undefined> {
  const file = await readRecord(layout.network, networkSchema, 'the network of the machines');
  return file && { bridge: file.bridge, range: parseRange(file.network) };
}

/** Requires the computer's lock. */
export async function bringUpNetwork(
  layout: NspawnLayout,
  network: GuestNetwork,
  machines: number,
): Promise<void> {
  await prepareKernel(machines);
  await loadModules();
  await ensureNetwork(layout, network);
}

/** Requires the computer's lock, when no machine is left. */
export async function removeNetwork(layout: NspawnLayout): Promise<void> {
  const network = await readNetwork(layout);
  if (!network) return;
  await removeNat(network.bridge);
  if (await addressesOf(network.bridge)) await run('ip', ['link', 'delete', network.bridge]);
  await rm(layout.network, { force: true });
}

async function ensureNetwork(layout: NspawnLayout, network: GuestNetwork): Promise<void> {
  const { bridge, range } = network;
  const before = await readNetwork(layout);
  if (before && (before.bridge !== bridge || formatRange(before.range) !== formatRange(range)))
    await removeNetwork(layout);
  await ensureFolder(layout.data);
  await writeRecord(layout.network, { bridge, network: formatRange(range) });
  await ensureBridge(bridge, `${formatAddress(gatewayOf(range))}/${range.prefix}`);
  await ensureNat(bridge, formatRange(range));
}

async function ensureBridge(bridge: string, address: string): Promise<void> {
  const addresses = await addressesOf(bridge);
  if (!addresses) await run('ip', ['link', 'add', bridge, 'type', 'bridge']);
  if (!addresses?.includes(address)) await run('ip', ['address', 'add', address, 'dev', bridge]);
  await run('ip', ['link', 'set', bridge, 'up']);
}

/** `10.209.0.1/20`; undefined when the interface does not exist. */
async function addressesOf(bridge: string): Promise<string[] | undefined> {
  return (await linkAddresses()).find(({ ifname }) => ifname === bridge)?.addr_info.map(cidr);
}

/** @param own a bridge that an interrupted removal left, which clashes with nothing */
async function chooseRange({ bridge, network }: NspawnSettings, own?: string): Promise<Range> {
  const links = (await linkAddresses()).filter(({ ifname }) => ifname !== own);
  if (links.some(({ ifname }) => ifname === bridge)) {
    throw new UserError(`the network interface ${bridge} already exists and is not managed by belt`, {
      hint: 'choose another name: --nspawn-bridge NAME',
    });
  }
  const used = (await rangesInUse(links)).filter(({ device }) => device !== own);
  const clash = network && used.find(({ range }) => overlap(range, network));
  if (network && clash) {
    throw new UserError(
      `the network ${formatRange(network)} clashes with ${formatRange(clash.range)} on ${clash.device}`,
      { hint: 'choose another range with --nspawn-network, or omit it to use a free one' },
    );
  }
  const range = network ?? firstFreeRange(used.map((one) => one.range));
  if (range) return range;
  throw new UserError('none of 10.209.0.0/20, 10.210.0.0/20, ... is free on this computer', {
    hint: 'choose a free range: --nspawn-network 172.30.0.0/20',
  });
}

async function rangesInUse(links: readonly LinkAddress[]): Promise<{ device: string; range: Range }[]> {
  const routes: { dst: string; dev?: string }[] = JSON.parse(
    (await run('ip', ['-j', '-4', 'route', 'show', 'table', 'all'])) || '[]',
  );
  const found = [
    ...links.flatMap(({ ifname, addr_info }) =>
      addr_info.map((info) => ({ device: ifname, text: cidr(info) })),
    ),
    ...routes.map(({ dst, dev }) => ({ device: dev ?? 'a route', text: dst })),
  ];
  return found.flatMap(({ device, text }) => {
    const range = tryParseRange(text);
    return range && range.prefix > 0 ? [{ device, range }] : [];
  });
}

async function linkAddresses(): Promise<LinkAddress[]> {
  return JSON.parse((await run('ip', ['-j', '-4', 'address', 'show'])) || '[]');
}

function cidr({ local, prefixlen }: LinkAddress['addr_info'][number]): string {
  return `${local}/${prefixlen}`;
}

function matchesSettings(recorded: GuestNetwork, { bridge, network }: NspawnSettings): boolean {
  return recorded.bridge === bridge && (!network || formatRange(network) === formatRange(recorded.range));
}

function networkMismatch(recorded: GuestNetwork, settings: NspawnSettings, layout: NspawnLayout): UserError {
  const requested = [settings.bridge, ...(settings.network ? [formatRange(settings.network)] : [])].join(
    ' with ',
  );
  return new UserError(
    `the machines of this computer are on ${recorded.bridge} with ${formatRange(recorded.range)} (${layout.network}), not on ${requested}`,
    { hint: 'remove the settings bridge and network, or those machines first' },
  );
}

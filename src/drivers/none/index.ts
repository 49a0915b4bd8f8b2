import { UserError } from '../../base/errors.js';
import type { Machine } from '../../machines/model/machine.js';
import type { Adoption, Driver, DriverModule, MachineEvent } from '../driver.js';
import { defineSettings, text } from '../kit/define-settings.js';

const settings = defineSettings({
  url: text({ summary: 'URL of the engine, like tcp://10.0.0.9:2376', flag: 'url' }),
});

/** An engine known only by its URL: docker-machine's driver of the same name. */
export const driver: DriverModule = {
  name: 'none',
  summary: 'an existing Docker Engine, known only by its URL (not managed over SSH)',
  settings: settings.list,
  open: async (options) => openNone(settings.read(options.settings).url),
};

/** Messages are docker-machine's. */
function openNone(url = ''): Driver {
  return {
    adopt: async (names) => [adoptUrl(names, url)],
    async check() {},
    create: completeAll,
    list: async (known) => known.map(({ name }) => ({ name, state: 'running' })),
    start: unsupported('started'),
    stop: unsupported('stopped'),
    restart: unsupported('restarted'),
    kill: unsupported('killed'),
    resize: unsupported('resized'),
    remove: completeAll,
    doctor: async () => [{ name: 'nothing', ok: true, detail: 'needs nothing on this computer' }],
  };
}

function adoptUrl([name = '', ...others]: readonly string[], url: string): Adoption {
  if (url === '') throw new UserError('--url option is required when no driver is selected');
  if (others.length > 0)
    throw new UserError(`only one --url for ${others.length + 1} names: ${[name, ...others].join(', ')}`);
  return { name, addresses: addressesIn(url), driverData: { URL: url } };
}

/** A URL of a local socket has no address. */
function addressesIn(url: string): Adoption['addresses'] {
  if (/^unix:\/\/\/./i.test(url)) return {};
  const host = /^(tcp|https?):\/\//i.test(url) && URL.canParse(url) ? new URL(url).hostname : '';
  if (host !== '') return { public: host.replace(/^\[(.*)\]$/, '$1') };
  throw new UserError(`"${url}" is not the URL of an engine`, {
    hint: 'use tcp://10.0.0.9:2376, https://HOST, http://HOST or unix:///var/run/docker.sock; for a server with SSH: -d generic --generic-ip-address HOST --generic-ssh-user USER',
  });
}

async function* completeAll(machines: readonly { name: string }[]): AsyncIterable<MachineEvent> {
  for (const { name } of machines) yield { type: 'done', name };
}

function unsupported(verb: string) {
  return async function* (machines: readonly Machine[]): AsyncIterable<MachineEvent> {
    for (const { name } of machines) {
      yield { type: 'failed', name, error: new UserError(`hosts without a driver cannot be ${verb}`) };
    }
  };
}

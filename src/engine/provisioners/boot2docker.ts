import { shellWord } from '../../base/quote-args.js';
import { daemonOptions, optionWord } from '../model/daemon-options.js';
import { boot2dockerCertificates, boot2dockerProfilePath } from '../model/engine-paths.js';
import type { EngineSettings } from '../model/engine-settings.js';
import { withMarkedBlock } from '../model/managed-files.js';
import type { EngineService, Provisioner } from '../model/provisioner.js';
import { shellAssignment } from './openrc.js';

/** The init script reads this profile, which survives a reboot. */
const service: EngineService = {
  init: 'other',
  certificates: boot2dockerCertificates,
  files: (facts, settings) => [
    {
      path: boot2dockerProfilePath,
      content: withMarkedBlock(facts.files.get(boot2dockerProfilePath) ?? '', profileLines(settings)),
      mode: 0o644,
      shared: true,
      why: "the engine's options",
    },
  ],
  commands: {
    reload: 'true',
    enable: 'true',
    restart: '/etc/init.d/docker restart',
    start: '/etc/init.d/docker start',
    stop: '/etc/init.d/docker stop',
    isActive: '/etc/init.d/docker status >/dev/null',
    // Newer versions log to a folder.
    journal:
      'tail -n 30 /var/lib/boot2docker/log/docker.log 2>/dev/null || tail -n 30 /var/lib/boot2docker/docker.log',
  },
};

/** Options with a variable in the profile. `--tls=false` has none. */
const ownVariables = new Set(['host', 'tlsverify', 'tlscacert', 'tlscert', 'tlskey', 'storage-driver']);

function profileLines(settings: EngineSettings): string[] {
  const { ca, certificate, key } = boot2dockerCertificates;
  const args = daemonOptions(settings, boot2dockerCertificates)
    .filter(({ flag }) => !ownVariables.has(flag))
    .map(optionWord);
  return [
    `EXTRA_ARGS=${shellWord(args.join(' '))}`,
    `CACERT=${ca}`,
    `DOCKER_HOST=${shellWord(hostArgument(settings))}`,
    ...(settings.storageDriver === undefined ? [] : [`DOCKER_STORAGE=${shellWord(settings.storageDriver)}`]),
    `DOCKER_TLS=${settings.access === 'secure' ? 'auto' : 'no'}`,
    `SERVERKEY=${key}`,
    `SERVERCERT=${certificate}`,
    ...settings.env.map((assignment) => `export ${shellAssignment(assignment)}`),
  ];
}

/** An empty value makes the init script listen on TCP: `local` gets a second socket instead. */
function hostArgument({ access, port }: EngineSettings): string {
  return access === 'local' ? '-H unix:///var/run/docker-local.sock' : `-H tcp://0.0.0.0:${port}`;
}

/** The engine comes with the ISO. */
export const boot2docker: Provisioner = {
  name: 'boot2docker',
  runs: ({ id }) => id === 'boot2docker',
  service,
};

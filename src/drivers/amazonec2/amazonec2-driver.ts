import { messageOf } from '../../base/errors.js';
import { withTimeout } from '../../base/with-timeout.js';
import type { Check, Driver, DriverOptions } from '../driver.js';
import { recordedSetting } from '../kit/define-settings.js';
import { openImageStore, snapshot } from './create-images.js';
import { check, create, plan, prepare, type SharedResources } from './create-instances.js';
import type { Ec2Api } from './ec2-api.js';
import { openContext } from './ec2-context.js';
import { kill, remove, restart, start, stop } from './instance-lifecycle.js';
import { isInstanceType, listRegions, listTypes } from './instance-types.js';
import { discover, list } from './list-instances.js';
import { resize } from './resize-instances.js';

export function openAmazonEc2(options: DriverOptions): Driver {
  const ec2 = openContext(options);
  let prepared: SharedResources | undefined;
  return {
    isSize: async (word) => isInstanceType(word),
    sizes: async (signal) => listTypes(await ec2.api(), signal),
    regions: async (signal) => listRegions(await ec2.api(), signal),
    plan: (specs, signal) => plan(ec2, specs, signal),
    async check(specs, signal) {
      await ec2.ownUserData();
      await check(ec2, specs, signal);
    },
    async prepare(requests, progress, signal) {
      prepared = await prepare(ec2, requests, progress, signal);
    },
    async *create(requests, signal) {
      prepared ??= await prepare(ec2, requests, () => {}, signal);
      yield* create(ec2, requests, prepared, signal);
    },
    list: (known, signal) => list(ec2, known, signal),
    createdWith: (machine) => recordedSetting(machine, 'region'),
    discover: (signal) => discover(ec2, signal),
    start: (machines, signal) => start(ec2, machines, signal),
    stop: (machines, signal) => stop(ec2, machines, signal),
    restart: (machines, signal) => restart(ec2, machines, signal),
    restartsUnseen: true,
    kill: (machines, signal) => kill(ec2, machines, signal),
    remove: (machines, signal) => remove(ec2, machines, signal),
    resize: (machines, size, signal) => resize(ec2, machines, size, signal),
    snapshot: (requests, signal) => snapshot(ec2, requests, signal),
    images: openImageStore(ec2),
    doctor: (signal) => checkCredentials(ec2.api, signal),
  };
}

/** Outside AWS, the SDK waits for the role of an instance. */
const credentialsTimeoutMs = 5_000;

/** Checks for credentials without calling EC2, which takes time and permissions. */
async function checkCredentials(open: () => Promise<Ec2Api>, signal: AbortSignal): Promise<Check[]> {
  const base = { name: 'AWS credentials' };
  try {
    const { client, region } = await open();
    const { accessKeyId } = await withTimeout(
      credentialsTimeoutMs,
      signal,
      () => client.config.credentials(),
      () => new Error('not found in time'),
    );
    return [{ ...base, ok: true, detail: `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}, ${region}` }];
  } catch (error) {
    const reason = messageOf(error).split('\n')[0];
    return [
      {
        ...base,
        ok: false,
        detail: `${reason}: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
      },
    ];
  }
}

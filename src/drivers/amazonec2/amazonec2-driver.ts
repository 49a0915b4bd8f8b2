import type { Driver, DriverOptions } from '../driver.js';
import { recordedSetting } from '../kit/define-settings.js';
import { imagesIn, snapshot } from './create-images.js';
import { check, create, type Prepared, prepare } from './create-instances.js';
import { diagnose } from './credentials-check.js';
import { discover } from './discover.js';
import { openEc2 } from './ec2-client.js';
import { kill, remove, restart, start, stop } from './instance-lifecycle.js';
import { list } from './list-instances.js';
import { resize } from './resize-instances.js';

export function openAmazonEc2(options: DriverOptions): Driver {
  const ec2 = openEc2(options);
  let prepared: Prepared | undefined;
  return {
    async check(wishes, signal) {
      await ec2.ownUserData();
      await check(ec2, wishes, signal);
    },
    async prepare(requests, progress, signal) {
      prepared = await prepare(ec2, requests, progress, signal);
    },
    async *create(requests, signal) {
      prepared ??= await prepare(ec2, requests, () => {}, signal);
      yield* create(ec2, requests, prepared, signal);
    },
    list: (known, signal) => list(ec2, known, signal),
    madeWith: (machine) => recordedSetting(machine, 'region'),
    discover: (signal) => discover(ec2, signal),
    start: (machines, signal) => start(ec2, machines, signal),
    stop: (machines, signal) => stop(ec2, machines, signal),
    restart: (machines, signal) => restart(ec2, machines, signal),
    restartsUnseen: true,
    kill: (machines, signal) => kill(ec2, machines, signal),
    remove: (machines, signal) => remove(ec2, machines, signal),
    resize: (machines, size, signal) => resize(ec2, machines, size, signal),
    snapshot: (wishes, signal) => snapshot(ec2, wishes, signal),
    images: imagesIn(ec2),
    doctor: () => diagnose(ec2.api),
  };
}

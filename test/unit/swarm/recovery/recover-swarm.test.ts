import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Machine } from '../../../../src/machines/model/machine.js';
import type { LogPosition } from '../../../../src/swarm/model/raft-log.js';
import { backupSwarm } from '../../../../src/swarm/recovery/backup-swarm.js';
import { planRecovery } from '../../../../src/swarm/recovery/plan-recovery.js';
import { recoverSwarm } from '../../../../src/swarm/recovery/recover-swarm.js';
import { readRecovery, writeRecovery } from '../../../../src/swarm/recovery/recovery-record.js';
import { removeStaleNodes } from '../../../../src/swarm/recovery/rejoin-nodes.js';
import { restoreSwarm } from '../../../../src/swarm/recovery/restore-swarm.js';
import type { Engine, Node, Swarm } from '../../support/engine.js';
import {
  folderMembers,
  type Members,
  managerCertificate,
  nodeKey,
  segment,
  tarOf,
} from '../../support/swarm-folder.js';
import { openTestBed, type TestBed } from '../../support/test-bed.js';

/**
 * Decisions, with fake engines. test/e2e/swarm-backup.test.ts runs the scripts on real machines.
 */

const swarmId = 'kie0q18lyqg8ad4q6dteie2fy';
let bed: TestBed;
let machines: Machine[];
let engines: Engine[];
let swarm: Swarm;
/** The last Raft log position of each machine. */
let logs: Map<string, LogPosition>;
/** Scripts that ran, as `machine script`. */
let ran: string[];
let archive: Buffer;
/** Called by the `recover` script. */
let onRecover: () => void;

const machine = (number: number): Machine => machines[number - 1] as Machine;
const engine = (number: number): Engine => engines[number - 1] as Engine;

beforeEach(async () => {
  bed = await openTestBed();
  machines = await bed.running('mg1', 'mg2', 'mg3', 'node1');
  engines = await Promise.all(machines.map(({ name }) => bed.engine(name)));
  swarm = engine(1).newSwarm(swarmId);
  for (const number of [2, 3]) engine(number).beIn(swarm, 'manager');
  engine(4).beIn(swarm, 'worker');
  for (const one of engines)
    one.answers.set('/swarm/unlockkey', () => ({ status: 200, body: { UnlockKey: '' } }));
  logs = new Map();
  ran = [];
  onRecover = () => {};
  archive = await tarOf(members(), { gzip: true });
  bed.ssh.command = async (name, command, streams) => runScript(name, command, streams as Streams);
});

afterEach(() => bed.close());

function members(): Members {
  return folderMembers('swarm/', nodeKey({ locked: false }), segment({ term: 2, index: 5, commit: 5 }));
}

interface Streams {
  stdin?: Readable;
  stdout: Writable;
  stderr: Writable;
}

/** Answers like the scripts in templates/swarm. */
async function runScript(name: string, command: string, { stdin, stdout, stderr }: Streams): Promise<number> {
  const [mark = ''] = /belt-[0-9a-f]{24}/.exec(command) ?? [];
  const tell = (word: string, text: string): void =>
    void stderr.write(`\n${mark} ${word} ${Buffer.from(text).toString('base64')}\n`);
  const position = logs.get(name);
  if (command.includes('tell certificate')) {
    if (position) {
      tell('certificate', managerCertificate);
      tell('segment', `/log-of-${name}`);
    }
  } else if (command.includes('tar -chzf')) {
    stdout.write(archive);
  } else if (command.includes('writing the address')) {
    ran.push(`${name} append ${(await buffer(stdin as Readable)).length > 0}`);
  } else if (command.includes('gzip -1')) {
    stdout.write(gzipSync(segment(position as LogPosition)));
  } else if (command.includes('downloading the backup')) {
    ran.push(`${name} backup`);
    tell('downtime', '2');
    tell('size', String(archive.length));
    stdout.write(archive);
  } else if (command.includes('unpacking the backup')) {
    ran.push(`${name} restore`);
    if (stdin) await buffer(stdin);
    tell('downtime', '2');
  } else {
    ran.push(`${name} recover`);
    onRecover();
    tell('copy', '/var/lib/docker/swarm.before-recover');
  }
  tell('done', '');
  return 0;
}

describe('backup', () => {
  const target = (): string => join(bed.folder, 'backup.tar.gz');
  const backup = (input: { node?: string; force?: boolean } = {}) =>
    backupSwarm({ to: target(), force: false, beltVersion: '0.1.0', ...input }, bed.context);

  test('backup copies the state of a manager that is not the leader into a private file', async () => {
    (engine(3).node as Node).availability = 'drain';
    expect(await backup()).toEqual({
      node: 'mg3',
      swarmId,
      file: target(),
      bytes: archive.length,
      downtimeSeconds: 2,
      autolock: false,
    });
    expect([await readFile(target()), (await stat(target())).mode & 0o777]).toEqual([archive, 0o600]);
    expect(ran).toEqual(['mg3 backup']);
  });

  test('backup refuses to break the quorum, unless forced', async () => {
    (engine(3).node as Node).reachability = 'unreachable';
    await expect(backup()).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringContaining(
        'stopping the engine of mg2 for the backup would leave the swarm without a quorum',
      ),
    });
    expect(ran).toEqual([]);
    expect(await backup({ force: true })).toMatchObject({ node: 'mg2' });
  });

  test('backup uses the named manager and refuses a worker', async () => {
    expect(await backup({ node: 'mg1' })).toMatchObject({ node: 'mg1' });
    await expect(backup({ node: 'node1' })).rejects.toMatchObject({
      message: 'node1 is not a manager of the swarm',
      hint: 'use one of: mg1, mg2, mg3',
    });
  });

  test('backup keeps the existing file when the new one could not be restored', async () => {
    await writeFile(target(), 'previous backup');
    archive = archive.subarray(0, archive.length - 20);
    await expect(backup()).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringContaining('truncated'),
    });
    expect(String(await readFile(target()))).toBe('previous backup');
    expect((await readdir(bed.folder)).filter((name) => name.includes('part'))).toEqual([]);
  });
});

describe('recover', () => {
  const loseQuorum = (): void => {
    const leaderless = { status: 503, body: { message: 'The swarm does not have a leader.' } };
    for (const number of [1, 2, 3]) {
      engine(number).answers.set('/nodes', () => leaderless);
      bed.ssh.refused.add(machine(number).name);
    }
  };

  test('recover refuses a swarm with a quorum', async () => {
    await expect(planRecovery({ force: false }, bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: 'the swarm has a quorum: 3 of 3 managers can be reached, and 2 are needed',
    });
  });

  test('recover picks the manager with the most committed entries', async () => {
    loseQuorum();
    for (const number of [2, 3]) {
      bed.ssh.refused.delete(machine(number).name);
      bed.ssh.brokenDocker.set(machine(number).name, { code: 1, stderr: 'the engine is down' });
    }
    logs.set('mg2', { commit: 7, term: 2, index: 7 }).set('mg3', { commit: 8, term: 2, index: 8 });
    const plan = await planRecovery({ force: false }, bed.context);
    expect(plan).toMatchObject({
      swarmId,
      isForced: false,
      manager: { name: 'mg3' },
      managers: [{ name: 'mg3' }, { name: 'mg2' }],
      returning: [{ machine: { name: 'mg2' }, role: 'manager' }],
      lost: [{ name: 'mg1' }],
    });
    expect(ran).toEqual([]);
  });

  describe('of a swarm whose only manager has lost its advertised address', () => {
    const loseAddress = (): void => {
      for (const number of [2, 3])
        Object.assign(engine(number).node as Node, { left: true, reachability: '' });
      Object.assign(engine(1).node as Node, { advertised: '203.0.113.9' });
      bed.ssh.networks.set('mg1', '2: eth0    inet 192.168.0.1/24 brd 192.168.0.255 scope global eth0');
      logs.set('mg1', { commit: 5, term: 2, index: 5 });
    };

    test('recover writes the new address before it forces the new cluster', async () => {
      loseAddress();
      const plan = await planRecovery({ force: false }, bed.context);
      expect(plan).toMatchObject({
        swarmId,
        isForced: false,
        manager: { name: 'mg1' },
        moved: expect.stringContaining('mg1 advertises 203.0.113.9, which is no longer one of its addresses'),
      });
      onRecover = () => {
        (engine(1).node as Node).left = true;
        engine(1).state = 'inactive';
      };
      bed.engines.onRequest = ({ path }) => {
        if (path === '/swarm/init') ran.push('init');
      };
      expect(await recoverSwarm(plan, undefined, bed.context)).toMatchObject({ manager: 'mg1' });
      expect(ran).toEqual(['mg1 recover', 'mg1 append true', 'init']);
    });

    test('recover starts over when it was interrupted before the new address was written', async () => {
      loseAddress();
      await writeRecovery(record, bed.context);
      expect(await planRecovery({ force: false }, bed.context)).toMatchObject({ isForced: false });
    });

    test('recover leaves a manager alone that another node reaches at an address of no machine', async () => {
      loseAddress();
      bed.ssh.reach = () => 'tcp 203.0.113.9 2377 open\nend\n';
      await expect(planRecovery({ force: false }, bed.context)).rejects.toMatchObject({
        message: expect.stringContaining('the swarm has a quorum'),
      });
    });
  });

  describe('of a swarm with a quorum where a manager has lost its advertised address', () => {
    beforeEach(() => {
      Object.assign(engine(2).node as Node, { advertised: '203.0.113.9' });
      bed.ssh.networks.set('mg2', '2: eth0    inet 192.168.0.2/24 brd 192.168.0.255 scope global eth0');
    });

    test('recover lets this manager leave and join again', async () => {
      const leaves: string[] = [];
      bed.engines.onRequest = ({ path }, { name }) => {
        if (/^\/swarm\/(leave|join)/.test(path)) leaves.push(`${name} ${path}`);
      };
      const plan = await planRecovery({ force: false }, bed.context);
      expect(plan).toMatchObject({
        isForced: true,
        manager: { name: 'mg1' },
        moved: expect.stringContaining('mg2 advertises 203.0.113.9'),
        returning: [{ machine: { name: 'mg2' }, role: 'manager' }],
        lost: [],
      });
      const { returned, removed } = await recoverSwarm(plan, undefined, bed.context);
      expect(returned.ok).toEqual([{ name: 'mg2', role: 'manager', reconnected: false }]);
      expect(removed).toEqual([]);
      expect(ran).toEqual([]);
      expect(leaves).toEqual(['mg2 /swarm/leave?force=true', 'mg2 /swarm/join']);
      expect(engine(2).node?.role).toBe('manager');
      expect(engine(2).node).not.toHaveProperty('advertised', '203.0.113.9');
      expect(swarm.nodes).toHaveLength(4);
    });

    test('recover keeps it while the others would have no quorum without it', async () => {
      const plan = await planRecovery({ force: false }, bed.context);
      Object.assign(engine(3).node as Node, { status: 'down', reachability: 'unreachable' });
      bed.ssh.refused.add('mg3');
      const { returned } = await recoverSwarm(plan, undefined, bed.context);
      expect(returned.failed).toMatchObject([{ name: 'mg2' }]);
      expect(engine(2).node).toMatchObject({ role: 'manager', advertised: '203.0.113.9' });
    });
  });

  test('nodes that rejoin keep their labels and availability', async () => {
    for (const number of [2, 3]) (engine(number).node as Node).reachability = '';
    Object.assign(engine(2).node as Node, { labels: { disk: 'ssd' }, availability: 'drain' });
    const members = [{ name: 'mg2', role: 'manager' as const }];
    await writeRecovery({ ...record, begun: true, members }, bed.context);
    const plan = await planRecovery({ force: false }, bed.context);
    expect((await recoverSwarm(plan, undefined, bed.context)).returned.ok).toMatchObject([{ name: 'mg2' }]);
    expect(engine(2).node).toMatchObject({ labels: { disk: 'ssd' }, availability: 'drain' });
  });

  test('recover without any swarm state names the ways to get one', async () => {
    loseQuorum();
    await expect(planRecovery({ force: false }, bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: 'no machine of this cluster has the state of a swarm',
      hint: expect.stringContaining('belt swarm restore FILE NODE'),
    });
  });

  const record = {
    swarmId,
    manager: 'mg1',
    autolock: false,
    members: [{ name: 'node1', role: 'worker' as const }],
  };

  test('the record of a recovery that forced no new cluster is deleted once the swarm has a quorum', async () => {
    await writeRecovery(record, bed.context);
    await expect(planRecovery({ force: false }, bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringContaining('the swarm has a quorum'),
    });
    expect(await readRecovery(bed.context)).toBeUndefined();
  });

  test('the record of a recovery is deleted when its manager is no longer a manager of the swarm', async () => {
    Object.assign(engine(1).node as Node, { role: 'worker', reachability: '' });
    await writeRecovery({ ...record, begun: true }, bed.context);
    await expect(planRecovery({ force: false }, bed.context)).rejects.toMatchObject({
      message: expect.stringContaining('the swarm has a quorum'),
    });
    expect(await readRecovery(bed.context)).toBeUndefined();
  });

  test('recover resumes after an interruption before it recorded the forced new cluster', async () => {
    for (const number of [2, 3]) (engine(number).node as Node).reachability = '';
    await writeRecovery(record, bed.context);
    const plan = await planRecovery({ force: false }, bed.context);
    expect(plan).toMatchObject({ isForced: true, manager: { name: 'mg1' } });
    bed.ssh.refused.add('node1');
    await recoverSwarm(plan, undefined, bed.context);
    expect(await readRecovery(bed.context)).toEqual({ ...record, begun: true });
  });

  test('recover resumes a restore that was interrupted before it listed the other nodes', async () => {
    for (const number of [2, 3]) (engine(number).node as Node).reachability = '';
    await writeRecovery({ swarmId, manager: 'mg1', autolock: false }, bed.context);
    const plan = await planRecovery({ force: false }, bed.context);
    expect(plan).toMatchObject({
      isForced: true,
      returning: [
        { machine: { name: 'mg2' }, role: 'manager' },
        { machine: { name: 'mg3' }, role: 'manager' },
        { machine: { name: 'node1' }, role: 'worker' },
      ],
    });
    bed.ssh.refused.add('mg2').add('mg3').add('node1');
    await recoverSwarm(plan, undefined, bed.context);
    expect(await readRecovery(bed.context)).toMatchObject({
      begun: true,
      members: [{ name: 'mg2' }, { name: 'mg3' }, { name: 'node1' }],
    });
  });

  test('recover records the forced new cluster and the machines that still have to rejoin', async () => {
    loseQuorum();
    for (const name of ['mg1', 'mg2']) {
      bed.ssh.refused.delete(name);
      bed.ssh.brokenDocker.set(name, { code: 1, stderr: 'the engine is down' });
      logs.set(name, { commit: 7, term: 2, index: 7 });
    }
    onRecover = () => {
      bed.ssh.brokenDocker.delete('mg1');
      engine(1).answers.clear();
      (engine(1).node as Node).left = true;
      engine(1).state = 'inactive';
    };
    const plan = await planRecovery({ force: false }, bed.context);
    expect(await recoverSwarm(plan, undefined, bed.context)).toMatchObject({
      manager: 'mg1',
      returned: { failed: [{ name: 'mg2' }] },
    });
    expect(await readRecovery(bed.context)).toEqual({
      ...record,
      kept: '/var/lib/docker/swarm.before-recover',
      begun: true,
      members: [{ name: 'mg2', role: 'manager' }],
    });
  });

  test('recover resumes although the swarm has a quorum again, and deletes its record', async () => {
    await writeRecovery({ ...record, begun: true }, bed.context);
    const plan = await planRecovery({ force: false }, bed.context);
    expect(plan).toMatchObject({
      isForced: true,
      manager: { name: 'mg1' },
      returning: [{ machine: { name: 'node1' } }],
    });
    Object.assign(engine(2).node as Node, { status: 'down', reachability: '' });
    expect(await recoverSwarm(plan, undefined, bed.context)).toEqual({
      manager: 'mg1',
      swarmId,
      returned: { ok: [{ name: 'node1', role: 'worker', reconnected: true }], failed: [], skipped: [] },
      removed: ['mg2'],
    });
    expect(ran).toEqual([]);
    await expect(planRecovery({ force: false }, bed.context)).rejects.toMatchObject({ name: 'UserError' });
  });
});

test('removeStaleNodes keeps an unreachable worker not managed by belt and removes previous managers', async () => {
  for (const name of ['foreign', 'lost']) (await bed.engine(name)).beIn(swarm, 'worker');
  const [foreign, lost] = swarm.nodes.slice(-2) as [Node, Node];
  foreign.status = 'unknown';
  Object.assign(lost, { role: 'manager', status: 'unknown', reachability: '' });
  expect(await removeStaleNodes(machine(1), bed.context)).toEqual(['lost']);
  expect(swarm.nodes).toContain(foreign);
});

describe('recover with a manager that is listed in the new cluster but unreachable', () => {
  /** A recovery in which only mg2 still has to rejoin. */
  const planSecond = async () => {
    const members = [{ name: 'mg2', role: 'manager' as const }];
    await writeRecovery({ swarmId, manager: 'mg1', autolock: false, begun: true, members }, bed.context);
    (engine(2).node as Node).reachability = 'unreachable';
    return planRecovery({ force: false }, bed.context);
  };

  test('recover waits until such a manager is reachable', async () => {
    const plan = await planSecond();
    let looks = 0;
    bed.engines.onRequest = ({ path }) => {
      if (path === '/nodes' && ++looks === 5) (engine(2).node as Node).reachability = 'reachable';
    };
    const { returned } = await recoverSwarm(plan, undefined, bed.context);
    expect(returned.ok).toEqual([{ name: 'mg2', role: 'manager', reconnected: true }]);
    expect(engine(2).requests.map(({ method }) => method)).not.toContain('POST');
  });

  test('recover demotes such a manager before it leaves and joins again', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const plan = await planSecond();
    const posts: string[] = [];
    bed.engines.onRequest = ({ method, path }, { name }) => {
      if (method === 'POST') posts.push(`${name} ${path}`);
      else if (posts.length === 0) vi.setSystemTime(Date.now() + 10_000);
    };
    const { returned } = await recoverSwarm(plan, undefined, bed.context);
    expect(returned.ok).toEqual([{ name: 'mg2', role: 'manager', reconnected: false }]);
    expect(posts).toEqual([
      `mg1 /nodes/${swarmId}-mg2/update?version=1`,
      'mg2 /swarm/leave?force=true',
      'mg2 /swarm/join',
    ]);
    expect(swarm.nodes.map(({ engine: { name }, role }) => `${name} ${role}`)).toEqual([
      'mg1 manager',
      'mg3 manager',
      'node1 worker',
      'mg2 manager',
    ]);
  });
});

describe('restore', () => {
  const path = (): string => join(bed.folder, 'backup.tar.gz');
  const restore = (number: number, force = false) =>
    restoreSwarm(
      { machine: machine(number), path: path(), askUnlockKey: async () => 'not requested', force },
      bed.context,
    );

  beforeEach(() => writeFile(path(), archive));

  test('restore refuses a machine in a healthy swarm', async () => {
    await expect(restore(4)).rejects.toMatchObject({
      name: 'UserError',
      message: 'node1 is in a swarm, which the restore would replace',
    });
    expect(ran).toEqual([]);
  });

  test('restore refuses while the swarm of the backup is running', async () => {
    machines.push(...(await bed.running('fresh')));
    engines.push(await bed.engine('fresh'));
    await expect(restore(5)).rejects.toMatchObject({
      message: 'the swarm of the backup is still running: mg1 is a manager of it',
    });
    expect(ran).toEqual([]);
  });

  test('restore refuses a file that is not a backup', async () => {
    await writeFile(path(), 'hello');
    await expect(restore(4, true)).rejects.toMatchObject({
      message: expect.stringContaining('is not a swarm backup'),
    });
    expect(engine(4).requests).toEqual([]);
  });

  test('restore starts the swarm of the backup on a new machine, with its autolock setting', async () => {
    for (const number of [1, 2, 3, 4]) bed.ssh.refused.add(machine(number).name);
    machines.push(...(await bed.running('fresh')));
    engines.push(await bed.engine('fresh'));
    let atInit: ReturnType<typeof readRecovery> | undefined;
    bed.engines.onRequest = ({ path }) => {
      if (path === '/swarm/init') atInit = readRecovery(bed.context);
    };
    expect(await restore(5)).toMatchObject({ node: 'fresh', swarmId, others: [] });
    expect(await atInit).toEqual({ swarmId, manager: 'fresh', autolock: false });
    expect(ran).toEqual(['fresh restore']);
    expect(engine(5).requests.find(({ path: asked }) => asked === '/swarm/init')?.body).toMatchObject({
      ForceNewCluster: true,
      Spec: { EncryptionConfig: { AutoLockManagers: false } },
    });
    expect(await readRecovery(bed.context)).toMatchObject({ manager: 'fresh', begun: true, members: [] });
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../../src/app/fan-out.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { setAutolock, unlockKey, unlockNodes } from '../../../src/swarm/autolock.js';
import { initSwarm } from '../../../src/swarm/init-swarm.js';
import { type JoinedMember, joinSwarm, joinToken } from '../../../src/swarm/join-swarm.js';
import type { Role } from '../../../src/swarm/model/swarm-node.js';
import { rotateCa } from '../../../src/swarm/rotate-ca.js';
import type { Engine, Node, Swarm } from '../support/engine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

/** node1, node2, node3 are managers; node4, node5 and node6 are in no swarm. */
let bed: TestBed;
let machines: Machine[];
let engines: Engine[];
let swarm: Swarm;

beforeEach(async () => {
  bed = await openTestBed();
  machines = await bed.running('node1', 'node2', 'node3', 'node4', 'node5', 'node6');
  engines = await Promise.all(machines.map(({ name }) => bed.engine(name)));
  swarm = engine(1).newSwarm('s1');
  for (const number of [2, 3]) engine(number).beIn(swarm, 'manager');
  await bed.cluster.setActiveMachine('node1');
  bed.ssh.reach = (_, script) => reachOf(script);
});

afterEach(async () => {
  try {
    await expect.poll(() => bed.ssh.channels).toBe(0);
  } finally {
    await bed.close();
  }
});

function engine(number: number): Engine {
  return engines[number - 1] as Engine;
}

function join(numbers: number[], role: Role = 'worker'): Promise<Outcome<JoinedMember>[]> {
  return joinSwarm({ machines: numbers.map((number) => machines[number - 1] as Machine), role }, bed.context);
}

/** The manager that each join request named. */
function asked(number: number): unknown[] {
  return engine(number).requests.flatMap(({ path, body }) =>
    path === '/swarm/join' ? (body as { RemoteAddrs: string[] }).RemoteAddrs : [],
  );
}

/** Output of the probe script on a machine that reaches all engines but the closed ones. */
function reachOf(script: string): string {
  const hosts = /for host in (.*); do/.exec(script)?.[1]?.split(' ') ?? [];
  const lines = hosts.map((host) => {
    const closed = engines.some(({ name, closed }) => name === host && closed);
    return `tcp ${host} 2377 ${closed ? 'refused' : 'open'}`;
  });
  return `clock 1000\n${lines.join('\n')}\nend\n`;
}

function warnings(): string[] {
  return bed.reporter.lines.flatMap((line) =>
    line.startsWith('warning: ') ? [line.slice('warning: '.length)] : [],
  );
}

describe('join', () => {
  test('join spreads workers over all managers', async () => {
    await join([4, 5, 6]);
    expect([asked(4), asked(5), asked(6)]).toEqual([['node1:2377'], ['node2:2377'], ['node3:2377']]);
  });

  test('join avoids a manager that the others cannot reach', async () => {
    (engine(1).node as Node).reachability = 'unreachable';
    await join([4, 5, 6]);
    expect([asked(4), asked(5), asked(6)]).toEqual([['node2:2377'], ['node3:2377'], ['node2:2377']]);
  });

  test("join listens on the machine's address when an interface has it", async () => {
    bed.ssh.networks.set('node4', '2: eth0    inet 192.168.0.4/24 scope global eth0\n');
    await join([4]);
    expect(engine(4).requests.find(({ path }) => path === '/swarm/join')?.body).toMatchObject({
      ListenAddr: '192.168.0.4:2377',
      AdvertiseAddr: '192.168.0.4',
      DataPathAddr: '192.168.0.4',
    });
  });

  test('join sets the availability', async () => {
    await joinSwarm(
      { machines: [machines[3] as Machine], role: 'worker', availability: 'drain' },
      bed.context,
    );
    expect(engine(4).node?.availability).toBe('drain');
  });

  test('join retries through another manager', async () => {
    engine(1).closed = true;
    expect(await join([4])).toMatchObject([{ name: 'node4', status: 'ok' }]);
    expect(asked(4)).toEqual(['node1:2377', 'node2:2377']);
  });

  test('join aborts an attempt that the engine continues before it retries', async () => {
    engine(1).closed = true;
    engine(4).beJoining(swarm, 'worker', 1_000_000, 'node1:2377');
    expect(await join([4])).toMatchObject([{ name: 'node4', status: 'ok' }]);
    expect(engine(4).requests.map(({ path }) => path)).toContain('/swarm/leave?force=true');
    expect(asked(4)).toEqual(['node2:2377']);
  });

  test('join keeps a node that joined during the diagnosis', async () => {
    engine(1).closed = true;
    engine(4).beJoining(swarm, 'manager', 1_000_000, 'node1:2377');
    bed.ssh.reach = (_, script) => {
      engine(4).joinsAfterLooks = 0;
      return reachOf(script);
    };
    expect(await join([4], 'manager')).toMatchObject([{ name: 'node4', status: 'ok' }]);
    expect(engine(4).requests.map(({ method }) => method)).not.toContain('POST');
  });

  test('join waits for a new manager that already counts for the quorum', async () => {
    engine(1).closed = true;
    engine(4).beIn(swarm, 'manager');
    engine(4).beJoining(swarm, 'manager', 1_000_000, 'node1:2377');
    bed.ssh.reach = (_, script) => {
      engine(4).joinsAfterLooks = 2;
      return reachOf(script);
    };
    expect(await join([4], 'manager')).toMatchObject([{ name: 'node4', status: 'ok' }]);
    expect(engine(4).requests.map(({ method }) => method)).not.toContain('POST');
  });

  test('join demotes a manager that failed but counts for the quorum before it retries', async () => {
    engine(4).beIn(swarm, 'manager');
    const entry = engine(4).node as Node;
    Object.assign(entry, { id: 'failed', status: 'down', reachability: 'unreachable', left: true });
    Object.assign(engine(4), { state: 'error', error: 'deadline exceeded' });
    expect(await join([4], 'manager')).toMatchObject([{ status: 'ok', value: { role: 'manager' } }]);
    expect([entry.role, swarm.nodes.includes(entry)]).toEqual(['worker', false]);
    expect(swarm.nodes.filter(({ role }) => role === 'manager')).toHaveLength(4);
  });

  test('join names the obstacle when no manager can be reached', async () => {
    for (const number of [1, 2, 3]) engine(number).closed = true;
    expect(await join([4, 5])).toMatchObject([
      {
        name: 'node4',
        status: 'failed',
        error: {
          name: 'ExternalError',
          message:
            'node4 could not join the swarm: node4 cannot reach node1:2377 (tcp): refused; node4 cannot reach node2:2377 (tcp): refused; node4 cannot reach node3:2377 (tcp): refused',
          hint: expect.stringContaining('open 2377/tcp'),
        },
      },
      { name: 'node5', status: 'failed' },
    ]);
    expect(asked(4)).toEqual(['node1:2377']);
  });

  test('join aborts a failed join of an earlier run first', async () => {
    engine(4).state = 'error';
    engine(4).error = 'deadline exceeded';
    expect(await join([4])).toMatchObject([{ status: 'ok', value: { already: false } }]);
    expect(engine(4).requests.map(({ path }) => path)).toContain('/swarm/leave?force=true');
  });

  test('join refuses a machine that is joining another swarm', async () => {
    engine(4).beJoining(swarm, 'worker', 1_000_000, '10.9.9.9:2377');
    expect(await join([4])).toMatchObject([
      { status: 'failed', error: { message: 'node4 is joining another swarm, at 10.9.9.9:2377' } },
    ]);
    expect(engine(4).state).toBe('pending');
  });

  test('join reads the token again when it was rotated', async () => {
    engine(4).whileJoining = async () => {
      if (swarm.tokens.Worker.endsWith('-new')) return;
      swarm.tokens.Worker += '-new';
    };
    expect(await join([4])).toMatchObject([{ status: 'ok' }]);
    expect(asked(4)).toHaveLength(2);
  });

  test('join requires a locked manager to be unlocked', async () => {
    engine(4).beIn(swarm, 'manager');
    engine(4).state = 'locked';
    expect(await join([4, 5])).toMatchObject([
      { status: 'failed', error: { hint: 'belt swarm unlock node4' } },
      { status: 'ok' },
    ]);
  });

  test('join gives advice on the number of managers', async () => {
    await join([4], 'manager');
    expect(warnings()).toEqual([
      '4 managers tolerate no more failures than 3: use an odd number of managers',
    ]);
  });

  test('join fails only for the machine whose engine stops responding', async () => {
    bed.ssh.refused.add('node4');
    expect(await join([4, 5])).toMatchObject([{ status: 'failed' }, { status: 'ok' }]);
  });
});

test('join and init name the file that enables live-restore, and do not try', async () => {
  engine(4).liveRestore = true;
  const message =
    'live-restore is enabled on node4 (/etc/docker/daemon.json): docker cannot combine it with swarm mode';
  expect(await join([4])).toMatchObject([{ status: 'failed', error: { message } }]);
  await expect(initSwarm(machines[3] as Machine, {}, bed.context)).rejects.toMatchObject({
    message,
    hint: 'remove live-restore from /etc/docker/daemon.json on node4, then: belt exec node4 -- sudo systemctl restart docker',
  });
  expect(engine(4).requests.filter(({ path }) => /init|join/.test(path))).toEqual([]);
});

describe('init', () => {
  test('init warns when the default address pool overlaps a network of the machine', async () => {
    bed.ssh.networks.set('node4', '10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.4\n');
    await initSwarm(machines[3] as Machine, {}, bed.context);
    expect(warnings()).toEqual([
      "docker's default address pool (10.0.0.0/8) overlaps a network of node4: 10.0.0.0/24 (eth0); to use another pool: belt swarm init --default-addr-pool",
    ]);
  });

  test('init refuses an address pool that overlaps a network of the machine', async () => {
    bed.ssh.networks.set('node4', '10.20.0.0/24 dev eth0 proto kernel scope link src 10.20.0.4\n');
    await expect(
      initSwarm(machines[3] as Machine, { addressPools: ['10.16.0.0/12'] }, bed.context),
    ).rejects.toMatchObject({
      name: 'UserError',
      message: 'the address pool 10.16.0.0/12 overlaps a network of node4: 10.20.0.0/24 (eth0)',
    });
    expect(engine(4).requests).toEqual([]);
  });

  test('init with autolock returns the unlock key', async () => {
    const { unlockKey: key, message } = await initSwarm(
      machines[3] as Machine,
      { autolock: true },
      bed.context,
    );
    expect(key).toBe('SWMKEY-1-swarm-of-node4');
    expect(message).toContain(`\n    ${key}\n`);
    expect(bed.reporter.lines.join('\n')).not.toContain('SWMKEY');
  });

  test('init names a missing certificate file', async () => {
    await expect(
      initSwarm(
        machines[3] as Machine,
        { externalCas: ['protocol=cfssl,url=https://ca,cacert=/nowhere.pem'] },
        bed.context,
      ),
    ).rejects.toMatchObject({ name: 'UserError', message: '--external-ca: /nowhere.pem does not exist' });
  });
});

describe('tokens', () => {
  test("join-token prints docker's text, and rotates the token", async () => {
    const shown = await joinToken('manager', { rotate: false }, bed.context);
    expect(shown).toMatchObject({ token: 'SWMTKN-1-s1-manager', address: 'node1:2377', rotated: false });
    expect(shown.message).toBe(
      'To add a manager to this swarm, run the following command:\n\n    docker swarm join --token SWMTKN-1-s1-manager node1:2377\n',
    );
    const rotated = await joinToken('worker', { rotate: true }, bed.context);
    expect(rotated).toMatchObject({ token: 'SWMTKN-1-s1-worker-new', rotated: true });
    expect(rotated.message).toMatch(/^Successfully rotated worker join token\.\n\nTo add a worker/);
    expect(swarm.tokens.Manager).toBe('SWMTKN-1-s1-manager');
  });
});

describe('certificate authority', () => {
  test('a CA rotation waits for all nodes and returns the certificate', async () => {
    swarm.rotatingLooks = 2;
    expect(await rotateCa({ timeoutMs: 20_000 }, bed.context)).toEqual({ certificate: 'root 1', nodes: 3 });
    expect(await rotateCa({ timeoutMs: 20_000 }, bed.context)).toEqual({ certificate: 'root 2', nodes: 3 });
  });

  test('a CA rotation that times out names the remaining nodes', async () => {
    swarm.rotatingLooks = 1_000_000;
    await expect(rotateCa({ timeoutMs: 300 }, bed.context)).rejects.toMatchObject({
      name: 'ExternalError',
      message: 'after 0.3 s 3 of 3 nodes use the new CA',
    });
    expect(bed.reporter.lines).toContain(
      'certificate authority failed: after 0.3 s 3 of 3 nodes use the new CA',
    );
  });
});

describe('lock', () => {
  test('autolock shows the unlock key once and nowhere else', async () => {
    expect(await setAutolock(true, bed.context)).toMatchObject({ unlockKey: 'SWMKEY-1-s1', already: false });
    expect(await setAutolock(true, bed.context)).toMatchObject({ already: true });
    expect(await unlockKey({ rotate: true }, bed.context)).toMatchObject({ unlockKey: 'SWMKEY-1-s1-new' });
    expect(await setAutolock(false, bed.context)).toEqual({
      autolock: false,
      already: false,
      message: 'Swarm updated.',
    });
    expect([...bed.reporter.lines, ...bed.ssh.commands].join('\n')).not.toContain('SWMKEY');
  });

  test('unlock-key refuses a swarm that is not locked', async () => {
    await expect(unlockKey({ rotate: false }, bed.context)).rejects.toMatchObject({
      message: 'no unlock key is set',
    });
  });

  test('unlock unlocks all locked managers and asks for the key once', async () => {
    for (const number of [2, 3]) engine(number).state = 'locked';
    let questions = 0;
    const unlock = (key: string, nodes: string[] = []) =>
      unlockNodes(
        {
          nodes,
          async askKey() {
            questions++;
            return key;
          },
        },
        bed.context,
      );
    expect(await unlock('SWMKEY-1-wrong', ['node2'])).toMatchObject([
      { status: 'failed', error: { message: 'invalid key provided' } },
    ]);
    expect(await unlock('SWMKEY-1-s1')).toMatchObject([
      { name: 'node2', value: { already: false } },
      { name: 'node3', value: { already: false } },
    ]);
    expect(await unlock('SWMKEY-1-s1', ['node2'])).toMatchObject([{ value: { already: true } }]);
    expect(questions).toBe(3);
    await expect(unlock('SWMKEY-1-s1')).rejects.toMatchObject({
      message: 'no machine of this cluster is a locked manager',
    });
    expect(questions).toBe(3);
  });
});

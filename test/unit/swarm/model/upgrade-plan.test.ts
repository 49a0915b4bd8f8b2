import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sameSize } from '../../../../src/machines/model/sizes.js';
import {
  type NodeUpgradeState,
  planUpgradeSteps,
  type RoleAndAvailability,
  remainingUpgrade,
  sortForUpgrade,
  upgradeWarning,
} from '../../../../src/swarm/model/upgrade-plan.js';
import { recordFault } from '../../../lab/record-fault.js';

const worker: NodeUpgradeState = {
  name: 'node1',
  leader: false,
  now: { role: 'worker', availability: 'active' },
  before: { role: 'worker', availability: 'active' },
  resumed: false,
  running: true,
  resize: true,
  engine: false,
};
const manager: NodeUpgradeState = {
  ...worker,
  name: 'mg1',
  now: { role: 'manager', availability: 'active' },
  before: { role: 'manager', availability: 'active' },
};
const demotable = { demotable: true };

describe('remainingUpgrade', () => {
  const was = { role: 'manager', availability: 'active' } as const;
  const left = (
    role: 'manager' | 'worker',
    availability: string,
    back = true,
    before: RoleAndAvailability = was,
  ) => remainingUpgrade({ now: { role, availability }, before, back });

  test('nothing remains for a ready node in its old state', () => {
    expect(left('manager', 'active')).toBe('nothing');
    expect(left('manager', 'active', false)).toBe('all');
  });

  test('everything remains for a drained node in its old role or as a worker', () => {
    expect([left('manager', 'drain'), left('worker', 'drain'), left('worker', 'drain', false)]).toEqual([
      'all',
      'all',
      'all',
    ]);
  });

  test('a state that no upgrade creates is a later change', () => {
    const worker = { role: 'worker', availability: 'active' } as const;
    expect([
      left('worker', 'active'),
      left('manager', 'pause'),
      left('manager', 'drain', true, worker),
    ]).toEqual(['changed since', 'changed since', 'changed since']);
  });
});

describe('planUpgradeSteps', () => {
  test('a manager is drained, demoted, resized and promoted again', () => {
    expect(planUpgradeSteps(manager, demotable)).toEqual([
      'drain',
      'demote',
      'stop',
      'resize',
      'start',
      'wait until ready',
      'promote',
      'restore availability',
    ]);
  });

  test('a worker is not stopped for an engine upgrade', () => {
    expect(planUpgradeSteps({ ...worker, resize: false, engine: true }, demotable)).toEqual([
      'drain',
      'upgrade engine',
      'wait until ready',
      'restore availability',
    ]);
  });

  test('a manager that the quorum needs is not demoted', () => {
    const steps = planUpgradeSteps(manager, { demotable: false });
    expect(steps).not.toContain('demote');
    expect(steps).not.toContain('promote');
  });

  test('a node without changes has no steps', () => {
    expect(planUpgradeSteps({ ...manager, resize: false }, demotable)).toEqual([]);
  });

  test('a drained node stays drained', () => {
    const drained = { role: 'worker', availability: 'drain' } as const;
    expect(planUpgradeSteps({ ...worker, now: drained, before: drained }, demotable)).not.toContain(
      'restore availability',
    );
  });

  test('a run interrupted after the demotion waits for the demotion again', () => {
    const now = { role: 'worker', availability: 'drain' } as const;
    expect(planUpgradeSteps({ ...manager, now, resumed: true }, demotable)).toContain('demote');
  });

  test('a run interrupted after the resize is only finished', () => {
    const now = { role: 'worker', availability: 'drain' } as const;
    expect(
      planUpgradeSteps({ ...manager, now, resumed: true, running: false, resize: false }, demotable),
    ).toEqual(['start', 'wait until ready', 'promote', 'restore availability']);
  });
});

const standing = fc.record({
  role: fc.constantFrom('manager' as const, 'worker' as const),
  availability: fc.constantFrom('active', 'pause', 'drain'),
});
const states = fc.record({
  name: fc.constant('node1'),
  leader: fc.boolean(),
  now: standing,
  before: standing,
  resumed: fc.boolean(),
  running: fc.boolean(),
  resize: fc.boolean(),
  engine: fc.boolean(),
});

/** State of a node after the steps. */
function after(state: NodeUpgradeState, steps: readonly string[]): NodeUpgradeState {
  const now = { ...state.now };
  let { running, resize, engine } = state;
  for (const step of steps) {
    if (step === 'drain') now.availability = 'drain';
    if (step === 'demote') now.role = 'worker';
    if (step === 'stop') running = false;
    if (step === 'resize') resize = false;
    if (step === 'start') running = true;
    if (step === 'upgrade engine') engine = false;
    if (step === 'promote') now.role = 'manager';
    if (step === 'restore availability') now.availability = state.before.availability;
  }
  return { ...state, now, running, resize, engine };
}

test('property: a run interrupted at any step and resumed ends with every node upgraded and restored', () => {
  let tried = 0;
  fc.assert(
    fc.property(states, fc.nat({ max: 8 }), fc.boolean(), (found, done, able) => {
      tried++;
      const { resumed, now } = found;
      // Without an earlier run, the previous state is the current one.
      const before = resumed ? found.before : now;
      const role = before.role === 'worker' ? 'worker' : now.role;
      const state = { ...found, before, now: { ...now, role } };
      const first = planUpgradeSteps(state, { demotable: able });
      const cut = { ...after(state, first.slice(0, done)), resumed: resumed || first.length > 0 };
      const end = after(cut, planUpgradeSteps(cut, { demotable: able }));
      const changed = { ...end, now: before, running: true, resize: false, engine: false };
      expect(end).toEqual(first.length > 0 ? changed : state);
    }),
  );
  recordFault({
    kind: 'Killed and interrupted',
    fault: '`swarm upgrade` ends at any step, from any state',
    tried,
  });
});

test('property: no node is stopped or upgraded before it is drained', () => {
  fc.assert(
    fc.property(states, (state) => {
      const steps = planUpgradeSteps(state, demotable);
      for (const step of ['demote', 'stop', 'resize', 'upgrade engine'] as const)
        if (steps.includes(step)) expect(steps.indexOf('drain')).toBe(0);
    }),
  );
});

test('managers come before workers, unfinished nodes first, the leader last', () => {
  const { managers, workers } = sortForUpgrade([
    { ...worker, name: 'node1' },
    { ...manager, name: 'mg1', leader: true },
    { ...worker, name: 'node2', resumed: true },
    { ...manager, name: 'mg2' },
    { ...manager, name: 'mg3', now: { role: 'worker', availability: 'drain' }, resumed: true },
  ]);
  expect(managers.map(({ name }) => name)).toEqual(['mg3', 'mg2', 'mg1']);
  expect(workers.map(({ name }) => name)).toEqual(['node2', 'node1']);
});

test.each([
  [1, undefined],
  [
    2,
    'while one of the 2 managers is upgraded, the other is the only manager: the swarm tolerates no failure',
  ],
  [3, 'while one of the 3 managers is upgraded, the other 2 tolerate no failure'],
  [4, undefined],
  [5, undefined],
])('upgradeWarning warns of the lost failure tolerance with %i managers', (count, price) => {
  expect(upgradeWarning(count)).toBe(price);
});

test.each([
  ['1gb', '1024MB', true],
  ['1gb', '1gb', true],
  ['s-1vcpu-1gb', 'S-1VCPU-1GB', true],
  ['1gb', '2gb', false],
  ['s-1vcpu-1gb', 's-2vcpu-2gb', false],
])('%s and %s are the same size: %s', (one, other, same) => {
  expect(sameSize(one, other)).toBe(same);
});

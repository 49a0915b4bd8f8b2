import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assessChanges,
  failureTolerance,
  hasQuorum,
  type ManagerState,
  managerCountAdvice,
  objectionText,
  quorumSize,
  tallyManagers,
} from '../../../../src/swarm/model/quorum.js';
import { recordFault } from '../../../lab/record-fault.js';

/** Managers `m1`, `m2`, ...: `+` is reachable, `-` is not. */
function managers(states: string): ManagerState[] {
  return [...states].map((state, index) => ({ id: `m${index + 1}`, reachable: state === '+' }));
}

test.each([
  [1, 1, 0],
  [2, 2, 0],
  [3, 2, 1],
  [4, 3, 1],
  [5, 3, 2],
  [6, 4, 2],
  [7, 4, 3],
])('%i managers need %i for a quorum and tolerate %i failures', (count, quorum, tolerance) => {
  expect(quorumSize(count)).toBe(quorum);
  expect(failureTolerance({ managers: count, reachable: count })).toBe(tolerance);
});

describe('assessChanges', () => {
  test.each([
    ['+++', ['m3'], 'loses tolerance'],
    ['++', ['m2'], undefined],
    ['+', ['m1'], 'loses quorum'],
    ['++-', ['m3'], undefined],
    ['++-', ['m2'], 'loses quorum'],
    ['+--', ['m3'], 'no quorum'],
    ['+++++', ['m4', 'm5'], undefined],
    ['+++++', ['m3', 'm4', 'm5'], 'loses tolerance'],
    ['+++', ['unknown'], undefined],
  ])('removing managers from %s without %j: %s', (states, ids, objection) => {
    const changes = ids.map((id) => ({ id, effect: 'leaves' as const }));
    expect(assessChanges(managers(states), changes).objection).toBe(objection);
  });

  test.each([
    ['+++', ['m3'], undefined],
    ['+++', ['m2', 'm3'], 'loses quorum'],
    ['+', ['m1'], 'loses quorum'],
    ['+--', ['m1'], undefined],
  ])('stopping managers of %s, %j: %s', (states, ids, objection) => {
    const changes = ids.map((id) => ({ id, effect: 'stops' as const }));
    expect(assessChanges(managers(states), changes).objection).toBe(objection);
  });

  test('the objection names the numbers of managers', () => {
    const what = 'demoting m2';
    expect(objectionText(what, assessChanges(managers('++-'), [{ id: 'm2', effect: 'leaves' }]))).toBe(
      'demoting m2 would leave the swarm without a quorum: 1 of 2 managers can be reached, and 2 are needed (now 2 of 3 managers)',
    );
    expect(objectionText(what, assessChanges(managers('+++'), [{ id: 'm2', effect: 'leaves' }]))).toBe(
      'demoting m2 would leave 2 managers, not enough to tolerate a failure (now 3 managers tolerate 1)',
    );
    expect(objectionText(what, assessChanges(managers('+--'), [{ id: 'm2', effect: 'leaves' }]))).toBe(
      'the swarm has no quorum: 1 of 3 managers can be reached, and 2 are needed',
    );
    expect(objectionText(what, assessChanges(managers('+'), [{ id: 'm1', effect: 'leaves' }]))).toBe(
      'demoting m2 would leave the swarm without a quorum: no manager would be left (now 1 manager)',
    );
    expect(objectionText(what, assessChanges(managers('+'), [{ id: 'm1', effect: 'stops' }]))).toBe(
      'demoting m2 would leave the swarm without a quorum: 0 of 1 manager can be reached, and 1 is needed (now 1 manager)',
    );
  });
});

test('even counts and more than seven managers get advice', () => {
  expect(managerCountAdvice(3)).toEqual([]);
  expect(managerCountAdvice(7)).toEqual([]);
  expect(managerCountAdvice(4)).toHaveLength(1);
  expect(managerCountAdvice(9)).toHaveLength(1);
  expect(managerCountAdvice(8)).toHaveLength(2);
});

/** Changes by a user, which `assessChanges` must allow, and failures. */
type Step = { does: 'leaves' | 'stops' | 'joins' | 'returns'; which: number };

test('property: no sequence of allowed changes costs a swarm its quorum', () => {
  let tried = 0;
  const swarm = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });
  const step: fc.Arbitrary<Step> = fc.record({
    does: fc.constantFrom('leaves', 'stops', 'joins', 'returns'),
    which: fc.nat(10),
  });
  fc.assert(
    fc.property(
      swarm,
      fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 12 }),
      (reachable, commands) => {
        let now = reachable.map((is, index): ManagerState => ({ id: `m${index}`, reachable: is }));
        fc.pre(hasQuorum(tallyManagers(now)));
        tried++;
        let next = now.length;
        for (const steps of commands) {
          const changes = steps.flatMap(({ does, which }) => {
            const { id } = now[which % now.length] as ManagerState;
            return does === 'leaves' || does === 'stops' ? [{ id, effect: does }] : [];
          });
          if (assessChanges(now, changes).objection === undefined) {
            for (const { id, effect } of changes) {
              now = now.flatMap((manager) =>
                manager.id !== id ? [manager] : effect === 'leaves' ? [] : [{ id, reachable: false }],
              );
              expect(hasQuorum(tallyManagers(now))).toBe(true);
            }
          }
          for (const { does, which } of steps) {
            if (does === 'joins' && now.length < 7) now = [...now, { id: `m${next++}`, reachable: true }];
            if (does === 'returns')
              now = now.map((manager, index) =>
                index === which % now.length ? { ...manager, reachable: true } : manager,
              );
          }
          expect(hasQuorum(tallyManagers(now))).toBe(true);
        }
      },
    ),
    { numRuns: 2_000 },
  );
  recordFault({
    kind: 'Swarms that lose managers',
    fault: 'sequences of allowed changes and failures',
    tried,
  });
});

test('every change refused for the quorum would have cost it, in all swarms of one to seven managers', () => {
  for (let count = 1; count <= 7; count++) {
    for (let pattern = 0; pattern < 2 ** count; pattern++) {
      const all = Array.from({ length: count }, (_, index) => ({
        id: `m${index}`,
        reachable: ((pattern >> index) & 1) === 1,
      }));
      for (const { id } of all) {
        const { objection } = assessChanges(all, [{ id, effect: 'leaves' }]);
        const rest = all.filter((manager) => manager.id !== id);
        const hadQuorum = hasQuorum(tallyManagers(all));
        const keepsQuorum = hasQuorum(tallyManagers(rest));
        expect(objection === 'no quorum').toBe(!hadQuorum);
        expect(objection === 'loses quorum').toBe(hadQuorum && !keepsQuorum);
      }
    }
  }
});

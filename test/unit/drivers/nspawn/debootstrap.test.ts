import fc from 'fast-check';
import { expect, test } from 'vitest';
import { progressReader } from '../../../../src/drivers/nspawn/debootstrap.js';

/** Lines of a real run (debootstrap 1.0.128, trixie), shortened. */
const transcript = [
  'P: 0 100 DOWNREL',
  'PF: Downloading Release file',
  'P: 36 100',
  'P: 100 100 DOWNREL',
  'P: 0 100 DOWNRELSIG',
  'I: VALIDRELSIG',
  'P: 0 56620099 DOWNPKGS',
  'P: 56620099 56620099 DOWNPKGS',
  'P: 0 1 SIZEDEBS',
  'P: 0 120568620 DOWNDEBS',
  'P: 60284310 120568620',
  'P: 0 120568620 DOWNDEBS',
  'P: 1 78 EXTRACTPKGS',
  'P: 1 7 INSTCORE',
  'P: 1 78 UNPACKREQ',
  'P: 1 78 CONFREQ',
  'P: 3 76 UNPACKBASE',
  'P: 76 76 CONFBASE',
  'I: BASESUCCESS',
];

test('a run is reported in steps, with a fraction that only grows', () => {
  const read = progressReader();
  const seen = transcript.flatMap((line) => read(line) ?? []);
  expect([...new Set(seen.map(({ text }) => text))]).toEqual([
    'downloading the release file',
    'checking the signature',
    'downloading the package lists',
    'resolving dependencies',
    'downloading packages',
    'extracting packages',
    'installing core packages',
    'unpacking required packages',
    'configuring required packages',
    'unpacking packages',
    'configuring packages',
  ]);
  const fractions = seen.map(({ fraction }) => fraction);
  expect(fractions).toEqual([...fractions].sort((one, other) => one - other));
  expect(fractions.at(0)).toBe(0);
  expect(fractions.at(-1)).toBeCloseTo(0.98);
});

test('property: for any lines, the fraction stays between 0 and 1 and never decreases', () => {
  const id = fc.constantFrom('DOWNREL', 'DOWNPKGS', 'DOWNDEBS', 'CONFBASE', 'UNKNOWN');
  const progress = fc
    .tuple(fc.nat(), fc.nat(), fc.option(id))
    .map(([now, end, name]) => `P: ${now} ${end}${name ? ` ${name}` : ''}`);
  fc.assert(
    fc.property(fc.array(fc.oneof(progress, fc.string())), (lines) => {
      const read = progressReader();
      let last = 0;
      for (const line of lines) {
        const fraction = read(line)?.fraction ?? last;
        expect(fraction).toBeGreaterThanOrEqual(last);
        expect(fraction).toBeLessThanOrEqual(1);
        last = fraction;
      }
    }),
  );
});

/**
 * @typedef {{ median: number, least: number, most: number }} Spread
 *
 * @typedef {object} Measurement
 * @property {string} name
 * @property {'ms' | 'MB/s' | 'MB'} unit
 * @property {Spread} belt
 * @property {string} [against] what belt is compared with
 * @property {Spread} [other] undefined: not installed
 * @property {Spread} [ratio] belt / other, computed per round
 * @property {string} [target]
 */

/**
 * Runs the contestants in turn, so that a slow phase of the computer affects all of them.
 * @template {string} Name
 * @param {number} rounds
 * @param {Record<Name, () => Promise<number>>} contestants each returns the measured value
 * @returns {Promise<Record<Name, number[]>>} one value per round
 */
export async function takeTurns(rounds, contestants) {
  const names = /** @type {Name[]} */ (Object.keys(contestants));
  /** @type {Record<string, number[]>} */
  const values = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    // Each round starts with a different one, because the first may warm up caches for the rest.
    for (const [at] of names.entries()) {
      const name = /** @type {Name} */ (names[(at + round) % names.length]);
      values[name]?.push(await contestants[name]());
    }
  }
  return /** @type {Record<Name, number[]>} */ (values);
}

/**
 * @param {Pick<Measurement, 'name' | 'unit' | 'against' | 'target'>} what
 * @param {readonly number[]} belt
 * @param {readonly number[]} [other] of the same rounds
 * @returns {Measurement}
 */
export function compare(what, belt, other) {
  if (!other) return { ...what, belt: spreadOf(belt) };
  const ratios = belt.map((value, round) => value / Number(other[round]));
  return { ...what, belt: spreadOf(belt), other: spreadOf(other), ratio: spreadOf(ratios) };
}

/**
 * @param {readonly number[]} values
 * @returns {Spread}
 */
function spreadOf(values) {
  const sorted = [...values].sort((one, two) => one - two);
  const at = (/** @type {number} */ index) => Number(sorted[index]);
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    least: at(0),
    most: at(sorted.length - 1),
  };
}

/**
 * @typedef {{ median: number, least: number, most: number }} Spread
 *
 * @typedef {object} Measurement
 * @property {string} name
 * @property {'ms' | 'MB/s' | 'MB'} unit
 * @property {Spread} belt
 * @property {string} [against] what it is compared with
 * @property {Spread} [other] undefined: it is not installed
 * @property {Spread} [ratio] belt / other, taken round by round
 * @property {string} [target]
 */

/**
 * Lets the contestants take turns, so that a computer that is slow for a while is slow for all of them.
 * @template {string} Name
 * @param {number} rounds
 * @param {Record<Name, () => Promise<number>>} contestants what each returns is the measured value
 * @returns {Promise<Record<Name, number[]>>} one value a round
 */
export async function takeTurns(rounds, contestants) {
  const names = /** @type {Name[]} */ (Object.keys(contestants));
  /** @type {Record<string, number[]>} */
  const values = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another one: what comes first may leave the computer warm for what follows.
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

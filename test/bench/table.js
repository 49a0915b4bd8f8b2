/**
 * @param {readonly import('./measure.js').Measurement[]} measurements
 * @returns {string} aligned columns, one row per measurement
 */
export function table(measurements) {
  const rows = [['', 'BELT', 'AGAINST', '', 'RATIO', 'TARGET'], ...measurements.map(row)];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => (cells[column] ?? '').length)),
  );
  const lines = rows.map((cells) =>
    cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   '),
  );
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** @param {import('./measure.js').Measurement} measurement */
function row({ name, unit, belt, against = '', other, ratio, target = '' }) {
  const missing = against === '' ? '' : 'not installed';
  return [
    name,
    `${cell(belt, 0)} ${unit}`,
    against,
    other ? `${cell(other, 0)} ${unit}` : missing,
    ratio ? cell(ratio, 2) : '',
    target,
  ];
}

/**
 * @param {import('./measure.js').Spread} spread
 * @param {number} digits
 */
function cell({ median, least, most }, digits) {
  return `${median.toFixed(digits)} (${least.toFixed(digits)}-${most.toFixed(digits)})`;
}

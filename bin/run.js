#!/usr/bin/env node
// Old versions of Node.js must be able to parse this file.
const version = process.versions.node;
const parts = version.split('.').map(Number);
if (parts[0] > 20 || (parts[0] === 20 && parts[1] >= 19)) {
  import('./start.js');
} else {
  process.stderr.write(`belt needs Node.js 20.19 or newer; this is ${version}\n`);
  process.exitCode = 1;
}

/*
 * The arrows of docs/architecture.md as rules. `npm run arrows` fails when an import goes against one of them.
 */

const leaves = '^src/(errors|templates)\\.ts$';
const domain = '^src/machines/';

/** A folder may import only what is listed for it (and npm packages, and Node itself). */
const allowed = {
  machines: [],
  swarm: [domain],
  engine: [domain],
  drivers: [domain],
  ssh: [domain],
  pki: [domain],
  config: [domain],
  operations: ['^src/(machines|swarm|engine|drivers|ssh|pki|config)/'],
  ui: [domain, '^src/operations/'],
  cli: ['^src/(ui|operations|machines|config|drivers|ssh)/'],
  commands: ['^src/(cli|ui|operations|machines)/'],
};

const folderRules = Object.entries(allowed).map(([folder, targets]) => ({
  name: `arrows-of-${folder}`,
  comment: `src/${folder} may import only: ${[leaves, ...targets].join(', ')} (docs/architecture.md)`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^(src|bin|test)/', pathNot: [`^src/${folder}/`, leaves, ...targets] },
}));

module.exports = {
  forbidden: [
    ...folderRules,
    {
      name: 'leaves-import-nothing',
      comment: 'errors and templates are imported by all and import none of belt',
      severity: 'error',
      from: { path: leaves },
      to: { path: '^src/', pathNot: leaves },
    },
    {
      name: 'one-driver-does-not-know-another',
      severity: 'error',
      from: { path: '^src/drivers/([^/]+)/' },
      to: { path: '^src/drivers/([^/]+)/', pathNot: '^src/drivers/$1/' },
    },
    {
      name: 'oclif-stays-above',
      comment: 'the command framework is known only to commands, cli and bin',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(commands|cli)/' },
      to: { path: 'node_modules/@oclif/' },
    },
    {
      name: 'listr2-stays-in-ui',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/ui/' },
      to: { path: 'node_modules/listr2/' },
    },
    {
      name: 'ssh2-stays-in-ssh',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/ssh/' },
      to: { path: 'node_modules/ssh2/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-dead-files',
      comment: 'what neither a command nor the program reaches is dead',
      severity: 'error',
      from: { path: '^src/(commands/|cli/(main|help)\\.ts$)' },
      to: { path: '^src/', pathNot: '^src/(commands/|cli/(main|help)\\.ts$)', reachable: false },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};

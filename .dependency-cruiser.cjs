/*
 * The layers of docs/architecture.md as rules. `npm run arrows` fails when an import breaks one of them.
 */

/** Each layer may import the layers before it. Layers on one line do not import each other. */
const layers = [
  ['base'],
  ['state', 'ssh', 'drivers'],
  ['app'],
  ['ui'],
  ['certs'],
  ['engine'],
  ['machines'],
  ['swarm'],
  ['clusters'],
  ['contexts', 'plugins'],
  ['cli'],
  ['commands'],
];

/** Pure models: every layer above `base` may import them, and they import only `base` and each other. */
const models = '^src/[^/]+/model/';

const layerRules = layers.flatMap((layer, index) => {
  const lower = layers.slice(0, index).flat();
  return layer.map((folder) => ({
    name: `layer-${folder}`,
    comment: `src/${folder} may import: ${[...lower, 'models'].join(', ')} (docs/architecture.md)`,
    severity: 'error',
    from: { path: `^src/${folder}/`, pathNot: models },
    to: {
      path: '^(src|bin|test)/',
      pathNot: [
        `^src/${folder}/`,
        ...lower.map((name) => `^src/${name}/`),
        ...(folder === 'base' ? [] : [models]),
      ],
    },
  }));
});

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'models-are-pure',
      comment: 'a model imports only base and other models',
      severity: 'error',
      from: { path: models },
      to: { path: '^(src|bin|test)/', pathNot: [models, '^src/base/'] },
    },
    {
      name: 'drivers-are-independent',
      comment: 'drivers share code through drivers/kit, not with each other',
      severity: 'error',
      from: { path: '^src/drivers/([^/]+)/' },
      to: { path: '^src/drivers/([^/]+)/', pathNot: ['^src/drivers/$1/', '^src/drivers/kit/'] },
    },
    {
      name: 'oclif-only-in-cli',
      comment: 'only commands, cli and bin know the command framework',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(commands|cli)/' },
      to: { path: 'node_modules/@oclif/' },
    },
    {
      name: 'listr2-only-in-ui',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/ui/' },
      to: { path: 'node_modules/listr2/' },
    },
    {
      name: 'ssh2-only-in-ssh',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/ssh/' },
      to: { path: 'node_modules/ssh2/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-folder-cycles',
      comment: 'a folder that imports another is never imported by it, directly or through others',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-dead-files',
      comment: 'a file that neither a command nor the program reaches is dead',
      severity: 'error',
      from: { path: '^src/(commands/|cli/(main|help)\\.ts$)' },
      to: { path: '^src/', pathNot: '^src/(commands/|cli/(main|help)\\.ts$)', reachable: false },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // bin/start.js imports the build, whose chunks import each other dynamically.
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};

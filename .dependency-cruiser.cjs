// Which folder may import which. Every arrow points inwards: core <- ports <- everything else <- what composes it.

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Files in a circle can only be understood, tested and replaced together. Types count, too.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'core-is-pure',
      comment:
        'The core decides what is written and deleted. Without Node and packages it can do nothing but compute, so ' +
        'every decision can be tested by arguments alone.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: '^src/core/' },
    },
    {
      name: 'ports-are-interfaces',
      comment:
        'Ports are what the loops and the stores agree on. Neither side, nor a package, may show through.',
      severity: 'error',
      from: { path: '^src/ports/' },
      to: { pathNot: '^src/(core|ports)/' },
    },
    {
      name: 'rooms-do-not-know-each-other',
      comment:
        'A store, the loops, the configuration and the admin server know the core, the ports and themselves. Whatever ' +
        'else they need is handed to them, so each can be read, tested and replaced alone.',
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: '^src/(core|ports|cli|daemon)/' },
      to: { path: '^src/', pathNot: '^src/(core|ports|$1)/' },
    },
    {
      name: 'loops-do-no-io',
      comment:
        'The same loops run under simulated time, stores and faults. They reach the world through ports only.',
      severity: 'error',
      from: { path: '^src/sync/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'composition-is-on-top',
      comment:
        'Only main, the command line and the daemon put the rooms together; nobody below may know of them.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli/|daemon|main\\.ts$)' },
      to: { path: '^src/(cli/|daemon|main\\.ts$)' },
    },
    {
      name: 'product-does-not-know-tests',
      comment: 'The product is built and shipped without the tests.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/' },
    },
    {
      name: 'nothing-from-dist',
      comment: 'What was built may be older than the sources; tests that want it run it as a process.',
      severity: 'error',
      from: {},
      to: { path: '^dist/' },
    },
    {
      name: 'no-dev-packages-in-product',
      comment: 'They are not there when the product is installed.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        // The page's libraries are copied into the built page.
        pathNot: '^node_modules/(@types|preact|diff)/',
      },
    },
    {
      name: 'no-undeclared-packages',
      comment: 'A package that package.json does not name is here by luck, in whatever version.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'It would fail when it runs.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-deprecated-core',
      comment: 'Node will drop it.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['deprecated'] },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};

import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Syntax that the house does without, and why. */
const noBarrels = [
  {
    selector: 'ExportAllDeclaration, ExportNamedDeclaration[source]',
    message: 'No barrels: import from the file that holds the name, so that dependencies stay visible.',
  },
];
const noDefaultExports = [
  {
    selector: 'ExportDefaultDeclaration',
    message: 'Export by name, so that a thing is called the same everywhere.',
  },
];
const noEnums = [
  {
    selector: 'TSEnumDeclaration',
    message: 'Use a union of string literals: it is what gets logged and stored.',
  },
];
const noSwitchedOffTests = [
  {
    selector:
      'CallExpression :matches(MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(only|skip|todo|fails)$/])',
    message: 'Every test runs, always.',
  },
];

/** Time and chance come in as arguments (src/ports/clock.ts), so that tests and simulations can own them. */
const noAmbientTime = {
  'no-restricted-globals': [
    'error',
    ...['setTimeout', 'setInterval', 'setImmediate', 'performance'].map((name) => ({
      name,
      message: 'Take a Clock (src/ports/clock.ts) as argument.',
    })),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: 'Take a Clock (src/ports/clock.ts) as argument.' },
    { object: 'Math', property: 'random', message: 'Take a Random (src/ports/clock.ts) as argument.' },
    { object: 'AbortSignal', property: 'timeout', message: 'Take a Clock (src/ports/clock.ts) as argument.' },
  ],
};

export default defineConfig(
  { ignores: ['dist/', 'coverage/', '.cache/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' } },
  {
    name: 'every file',
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'no-else-return': 'error',
      'no-lonely-if': 'error',
      'no-param-reassign': 'error',
      'no-unreachable-loop': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx', 'hack'] }],
    },
  },
  {
    name: 'plain JavaScript: configuration, and what runs before node_modules is there',
    files: ['**/*.{js,mjs,cjs}'],
    rules: { 'no-unused-vars': 'error' },
  },
  {
    name: 'TypeScript',
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      // A number in a message is no accident.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `onAbort(() => controller.abort())` is how everybody writes it.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // The way to take a string apart into its code points.
      '@typescript-eslint/no-misused-spread': ['error', { allow: [{ from: 'lib', name: 'string' }] }],
      // Takes `signal.aborted` for unchanged after an await, which is when it must be looked at again.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // A port's method is async also where one implementation has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // Its cure, a cast at each caller, is worse than a parameter that only names the result.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      'no-restricted-syntax': ['error', ...noBarrels, ...noDefaultExports, ...noEnums],
    },
  },
  {
    name: 'the product',
    files: ['src/**/*.ts'],
    rules: {
      'no-console': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-depth': ['error', 4],
    },
  },
  { name: 'commands print', files: ['src/cli/**/*.ts', 'src/main.ts'], rules: { 'no-console': 'off' } },
  {
    name: 'the core is a pure function of its arguments',
    files: ['src/core/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance', 'Date'],
        ...['process', 'Buffer', 'fetch', 'crypto', 'console'],
      ],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random' }],
    },
  },
  {
    name: 'loops take their clock as argument',
    files: ['src/ports/**/*.ts', 'src/sync/**/*.ts'],
    rules: noAmbientTime,
  },
  {
    name: 'typed seams over packages whose types are missing or too loose',
    files: ['src/zookeeper/client-seam.ts', 'src/consul/client-seam.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    name: 'tests',
    files: ['test/**/*.ts'],
    rules: {
      // A test that meets undefined where it must not is a test that fails.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // `expect(spy.method)` compares it and does not call it.
      '@typescript-eslint/unbound-method': 'off',
      'no-restricted-syntax': ['error', ...noBarrels, ...noDefaultExports, ...noEnums, ...noSwitchedOffTests],
    },
  },
  {
    name: 'files whose tool reads a default export',
    files: ['*.config.{js,ts}'],
    rules: { 'no-restricted-syntax': ['error', ...noBarrels] },
  },
  {
    name: 'types of packages that have none, exported as the package exports',
    files: ['**/*.d.ts'],
    rules: {
      'no-restricted-syntax': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
    },
  },
);

/** What a terminal would obey, hide or reorder. */
export const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/u;

const TEN_KIB = 'long/'.repeat(2_048);

/** Consul takes any key inside a transaction. */
export const HOSTILE_KEYS: readonly string[] = [
  '../../../etc/passwd',
  'a/../b',
  './x',
  '/absolute',
  'a//b',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  `'; DROP TABLE entries; --`,
  '$(touch /tmp/owned) `id` ${IFS}',
  '%s%d%n%j',
  '__proto__',
  'constructor/prototype',
  'new\nline',
  '{"level":"fatal","msg":"forged"}\n{"level":"fatal","msg":"forged"}',
  'carriage\rreturn',
  'tab\tand\0nul',
  '\x1b[31mred\x1b[0m',
  '\x1b]0;title\x07',
  '\x9b2J',
  'del\x7f',
  '\u202etxt.exe',
  'zero\u200bwidth\ufeff',
  'line\u2028separator',
  'emoji \u{1f600}',
  TEN_KIB,
];

/** What ZooKeeper allows of it. */
export const HOSTILE_ZNODES: readonly string[] = [
  '<script>alert(2)<|script>',
  '\u202eexe.txt',
  'zero\u200bwidth\u2066',
  'line\u2028separator\u2029',
  '%s%d',
  '%2E%2E',
  `quotes"'\\`,
  'ünï cödé',
  'z'.repeat(10 * 1_024),
];

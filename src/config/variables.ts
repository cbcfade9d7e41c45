export type Environment = Readonly<Record<string, string | undefined>>;

/** A text with its variables replaced, and what it was made of. */
export interface Expansion {
  readonly text: string;
  /** The names of the variables that occur, in order. */
  readonly variables: readonly string[];
  /** What is wrong with it; the text is not to be used then. */
  readonly problem: string | undefined;
}

/** `$${`, or `${` up to the next brace; the last group tells whether it is closed. */
const REFERENCE = /\$(\$\{)|\$\{([^{}]*)(\}?)/g;

const NAME_AND_DEFAULT = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^]*))?$/;

/**
 * Replaces `${NAME}` and `${NAME:-default}` by the environment's values; `$${` stands for a literal `${`.
 * As in a shell, the default also stands in for a variable that is set but empty. Values are taken as they are:
 * a reference inside a value is not looked at again.
 */
export function expandVariables(text: string, environment: Environment): Expansion {
  const variables: string[] = [];
  let problem: string | undefined;
  const expanded = text.replace(REFERENCE, (_, escaped?: string, inner = '', closed = '') => {
    if (escaped !== undefined) return escaped;
    const [, name, fallback] = NAME_AND_DEFAULT.exec(inner as string) ?? [];
    if (closed === '' || name === undefined) {
      problem ??= 'a variable is written ${NAME} or ${NAME:-default}, and a literal ${ is written $${';
      return '';
    }
    variables.push(name);
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
    if (value === undefined) {
      problem ??= `the environment variable ${name} is not set; set it, or give a default: \${${name}:-default}`;
    }
    return value ?? '';
  });
  return { text: expanded, variables, problem };
}

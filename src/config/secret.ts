/** Stands for a secret wherever a value is printed. */
export const REDACTED = '[secret]';

/**
 * A value that must not be printed. Turned into text, JSON or an inspection it shows as `[secret]`; only `reveal`
 * gives it away, at the one place that sends it to a store.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  /** What `util.inspect` and `console.log` show. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}

/** Where a secret comes from: written into the configuration, or kept in a file of its own that may change. */
export type SecretSource =
  | { readonly kind: 'inline'; readonly secret: Secret }
  /** An absolute path. The file's text without surrounding white space is the secret. */
  | { readonly kind: 'file'; readonly file: string };

/** The secret kept in a file: its text without the newline that editors and templates leave at the end. */
export function secretFromFile(content: Uint8Array): Secret {
  return new Secret(new TextDecoder().decode(content).trim());
}

import { z } from 'zod';
import { BYTE_SIZE_PATTERN, parseByteSize } from './byte-size.js';
import { DURATION_PATTERN, parseDuration } from './duration.js';
import type { Parsed } from './problem.js';
import { parsed, refused } from './problem.js';
import type { SecretSource } from './secret.js';
import { Secret } from './secret.js';

/** What is said about every setting, for editors, the documentation and error messages. */
export interface SettingFacts {
  readonly description: string;
  /** The values it takes, in words; not needed where the schema says it (choices, numbers, true or false). */
  readonly allowed?: string;
  readonly examples?: readonly string[];
  /** For editors: the form of a text that is read by a function. */
  readonly pattern?: string;
  /** The default in words, where it is more than a value. */
  readonly defaultNote?: string;
  /** Never to be printed. */
  readonly secret?: boolean;
  /** A path on this machine, taken relative to the configuration file; a `file` has to be readable. */
  readonly place?: 'file' | 'directory';
}

/** Attaches the facts. Comes last, so that they belong to the setting as a whole, its default included. */
export function setting<S extends z.ZodType>(schema: S, facts: SettingFacts): S {
  return schema.meta({ ...facts });
}

/** No text of a configuration needs to be longer. */
const TEXT_LENGTH_MAX = 4096;

export function text() {
  return z.string().min(1).max(TEXT_LENGTH_MAX);
}

/** A value that `parse` makes of what stands in the file. */
export function parsedBy<I, O>(schema: z.ZodType<I, I>, parse: (input: I) => Parsed<O>) {
  return schema.transform((input, context): O => {
    const result = parse(input);
    if (result.ok) return result.value;
    context.addIssue({ code: 'custom', message: result.problem });
    return z.NEVER;
  });
}

const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** A name that becomes part of paths, URLs and metric labels. */
export function name(): z.ZodString {
  return z.string().regex(NAME_PATTERN);
}

/** Whether a text is a name of something that is configured. */
export function isName(text: string): boolean {
  return NAME_PATTERN.test(text);
}

export const NAME_ALLOWED = 'up to 63 letters, digits, ".", "_" and "-", the first one a letter or digit';

/** Milliseconds, written as a whole number with its unit. */
export function duration(description: string, range: { default: string; min: string; max: string }) {
  const [minMs, maxMs] = [range.min, range.max].map((limit) => {
    const parsedLimit = parseDuration(limit);
    if (!parsedLimit.ok) throw new RangeError(`not a duration: ${limit}`);
    return parsedLimit.value;
  }) as [number, number];
  const schema = parsedBy(text(), (input) => {
    const result = parseDuration(input);
    if (!result.ok || (result.value >= minMs && result.value <= maxMs)) return result;
    return refused(result.value < minMs ? 'too short' : 'too long');
  });
  return setting(schema.prefault(range.default), {
    description,
    allowed: `${range.min} to ${range.max}, with the unit ms, s, m, h or d`,
    pattern: DURATION_PATTERN.source,
  });
}

/** Bytes, written as a number with or without a unit. */
export function byteSize(description: string, range: { default: string; minBytes: number }) {
  const schema = parsedBy(
    z.union([z.int().min(0), text().meta({ pattern: BYTE_SIZE_PATTERN.source })]),
    (input) => {
      const result = parseByteSize(String(input));
      return result.ok && result.value < range.minBytes ? refused('too small') : result;
    },
  );
  return setting(schema.prefault(range.default), {
    description,
    allowed: `a whole number with the unit B, KiB, MiB, GiB or TiB, at least ${range.minBytes} B`,
  });
}

/** A choice of words, with its default. */
export function choice<const T extends readonly [string, ...string[]]>(
  description: string,
  words: T,
  initial: T[number],
) {
  return setting(z.enum(words).prefault(initial), { description });
}

export function secret(description: string) {
  return secretBy((value) => parsed(new Secret(value)), description);
}

/** A secret that goes into a header of HTTP requests. */
export function token(description: string) {
  return secretBy(parseToken, description);
}

function secretBy(parse: (text: string) => Parsed<Secret>, description: string) {
  return setting(parsedBy(text(), parse).optional(), {
    description,
    allowed: 'a text, best given as ${VARIABLE}',
    secret: true,
  });
}

function parseToken(value: string): Parsed<Secret> {
  if (!/\p{Cc}/u.test(value)) return parsed(new Secret(value));
  return refused(
    'has a line break or another character that no HTTP header can hold: was it taken from a file together with its end?',
  );
}

/** A file that holds a secret. What is written here is never printed either: a secret may be put here by mistake. */
export function secretFile(description: string) {
  return setting(text().optional(), {
    description,
    allowed: 'the path of a readable file',
    place: 'file',
    secret: true,
  });
}

/** Of two settings for one secret, the one that is given; that it is not both is checked with the other sections. */
export function secretSource(inline: Secret | undefined, file: string | undefined): SecretSource | undefined {
  if (inline !== undefined) return { kind: 'inline', secret: inline };
  return file === undefined ? undefined : { kind: 'file', file };
}

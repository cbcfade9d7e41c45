import type { Alias, Node, YAMLError } from 'yaml';
import { LineCounter, parseDocument } from 'yaml';
import type { ConfigProblem } from './problem.js';

/** The characters that mean something to YAML inside `${...}`, and the stand-ins they are read as. */
const INDICATORS = '{}[],:#&*!|>%@';
const STAND_IN_FIRST = 0xfdd0;
/** Noncharacters of Unicode: no text has them. */
const STAND_INS = /[\ufdd0-\ufdef]/g;
const VARIABLE = /\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^{}\r\n]*)?\}/g;

export interface Position {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

/** A YAML document that was read without complaint. */
export interface YamlSource {
  /** The document's only node, or null when it is empty. */
  readonly contents: Node | null;
  /** The node that an alias stands for, or undefined when there is none. */
  resolve(alias: Alias): Node | undefined;
  positionOf(node: Node): Position;
  /** The text of a scalar as it stands in the file. */
  textOf(scalarValue: string): string;
}

export type YamlReading =
  | { readonly ok: true; readonly source: YamlSource }
  | { readonly ok: false; readonly problem: ConfigProblem };

/**
 * Reads one YAML 1.2 document. Variables are not expanded here but kept together: YAML would take the braces of
 * `{ credentials: ${ZK_AUTH} }` for its own, so inside `${...}` it is shown stand-ins of the same length.
 */
export function readYaml(text: string): YamlReading {
  const lines = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const refuse = (offset: number, message: string): YamlReading => ({
    ok: false,
    problem: { path: '', ...positionAt(offset), message },
  });

  const document = parseDocument(shieldVariables(text), {
    lineCounter: lines,
    prettyErrors: false,
    // Doubled names are found while the settings are read, where their path is known.
    uniqueKeys: false,
  });
  const strange = text.search(STAND_INS);
  if (strange >= 0) return refuse(strange, 'a noncharacter of Unicode is not allowed');
  // Only the first one: what follows a syntax error is mostly its consequence.
  const [error] = [
    ...document.errors,
    ...document.warnings.filter(({ code }) => code !== 'TAG_RESOLVE_FAILED'),
  ];
  if (error !== undefined) return refuse(error.pos[0], `YAML syntax: ${SYNTAX[error.code]}`);
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    return refuse(0, 'the file is read as YAML 1.2: remove the %YAML line');
  }
  return {
    ok: true,
    source: {
      contents: document.contents,
      resolve: (alias) => alias.resolve(document),
      positionOf: (node) => positionAt(node.range?.[0] ?? 0),
      textOf: unshieldVariables,
    },
  };
}

function shieldVariables(text: string): string {
  return text.replace(VARIABLE, (variable) =>
    variable.replace(/[^$]/g, (character) => {
      const index = INDICATORS.indexOf(character);
      return index < 0 ? character : String.fromCharCode(STAND_IN_FIRST + index);
    }),
  );
}

function unshieldVariables(text: string): string {
  return text.replace(STAND_INS, (standIn) => INDICATORS.charAt(standIn.charCodeAt(0) - STAND_IN_FIRST));
}

/**
 * The library's own messages quote the text, which may hold a secret, so each of its codes is put into words here.
 */
const SYNTAX: Readonly<Record<YAMLError['code'], string>> = {
  ALIAS_PROPS: 'an alias (*name) takes no anchor or tag',
  BAD_ALIAS: 'an anchor or alias without a valid name',
  BAD_COLLECTION_TYPE: 'a tag that does not fit what follows',
  BAD_DIRECTIVE: 'a line that begins with % is a directive, and this one is unknown',
  BAD_DQ_ESCAPE: 'an unknown escape in double quotes; in single quotes a backslash is an ordinary character',
  BAD_INDENT: 'wrong indentation, or a bracket or quote that is not closed',
  BAD_PROP_ORDER: 'an anchor or tag stands in the wrong place',
  BAD_SCALAR_START: 'a value can not begin with this character; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second ":" on the line; put the value in quotes, or begin a new line',
  BLOCK_IN_FLOW: 'a block inside brackets or braces',
  DUPLICATE_KEY: 'the same name twice',
  IMPOSSIBLE: 'not readable as YAML',
  KEY_OVER_1024_CHARS: 'a name of more than 1024 characters',
  MISSING_CHAR: 'something is missing: a space after ":" or "-", a comma, a quote or a closing bracket',
  MULTILINE_IMPLICIT_KEY: 'a name over several lines; is a ":" missing, or the indentation wrong?',
  MULTIPLE_ANCHORS: 'more than one anchor',
  MULTIPLE_DOCS: 'more than one document (---); the configuration is a single one',
  MULTIPLE_TAGS: 'more than one tag',
  NON_STRING_KEY: 'a name that is no text',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAB_AS_INDENT: 'a tab; YAML is indented by spaces',
  TAG_RESOLVE_FAILED: 'an unknown tag, or one that does not fit the value',
  UNEXPECTED_TOKEN: 'unexpected here; is the indentation right?',
};

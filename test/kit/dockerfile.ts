/** One `COPY` or `RUN` of a Dockerfile. */
export interface Step {
  readonly statement: 'COPY' | 'RUN';
  /** The stage that a COPY takes from; undefined for the context. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
  readonly command: string;
}

export interface Stage {
  /** `AS NAME`; the last one is the `image`. */
  readonly name: string;
  readonly steps: readonly Step[];
}

/** The stages of a Dockerfile that keeps to the forms that are used here. */
export function stagesOf(dockerfile: string): Stage[] {
  const text = dockerfile.replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '');
  return text
    .split(/^(?=FROM )/m)
    .filter((part) => part.startsWith('FROM '))
    .map((part) => ({
      name: /^FROM \S+ AS (\S+)/.exec(part)?.[1] ?? 'image',
      steps: part.split('\n').flatMap(stepOf),
    }));
}

function stepOf(line: string): Step[] {
  const [, statement, rest = ''] = /^(COPY|RUN) (.*)$/.exec(line) ?? [];
  if (statement === 'RUN') return [{ statement, from: undefined, sources: [], target: '', command: rest }];
  if (statement !== 'COPY') return [];
  const [, from, paths = ''] = /^(?:--from=(\S+) )?(.*)$/.exec(rest) ?? [];
  const words = paths.split(' ');
  return [{ statement, from, sources: words.slice(0, -1), target: words.at(-1) ?? '', command: '' }];
}

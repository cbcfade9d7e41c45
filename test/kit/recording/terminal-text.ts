/** How a piece of terminal output is shown: the colours and weights that the command line uses. */
export type Look = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export interface Piece {
  readonly text: string;
  readonly looks: readonly Look[];
}

const LOOKS: ReadonlyMap<number, Look> = new Map([
  [1, 'bold'],
  [2, 'dim'],
  [31, 'red'],
  [32, 'green'],
  [33, 'yellow'],
  [36, 'cyan'],
]);
/** What ends a colour, and what ends weights. */
const DEFAULT_COLOUR = 39;
const DEFAULT_WEIGHT = 22;
const WEIGHTS = new Set<Look>(['bold', 'dim']);

/** Lines of terminal output, in pieces that look alike. @throws RangeError at a sequence that is no colour or weight */
export function piecesOf(output: string): readonly (readonly Piece[])[] {
  let looks: readonly Look[] = [];
  return output.split(/\r*\n/).map((line) => {
    const pieces: Piece[] = [];
    for (const part of line.split(/(\x1b\[[\d;]*m)/)) {
      if (part.startsWith('\x1b')) looks = afterSequence(looks, part);
      else if (part !== '') pieces.push({ text: part, looks });
    }
    return pieces;
  });
}

function afterSequence(looks: readonly Look[], sequence: string): readonly Look[] {
  let after = looks;
  for (const code of sequence.slice(2, -1).split(';').map(Number)) {
    const look = LOOKS.get(code);
    if (look !== undefined) after = [...after, look];
    else if (code === 0) after = [];
    else if (code === DEFAULT_COLOUR) after = after.filter((one) => WEIGHTS.has(one));
    else if (code === DEFAULT_WEIGHT) after = after.filter((one) => !WEIGHTS.has(one));
    else throw new RangeError(`the recording does not know how ${JSON.stringify(sequence)} looks`);
  }
  return after;
}

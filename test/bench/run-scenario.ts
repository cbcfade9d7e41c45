import type { Figure, Scenario, Sizes } from './scenario.js';
import { median } from './statistics.js';

export interface Result extends Sizes {
  readonly scenario: string;
  readonly about: string;
  readonly rounds: number;
  /** By contender, then by what was measured, in the order in which they came. */
  readonly figures: ReadonlyArray<{
    readonly contender: string;
    readonly name: string;
    readonly median: number;
    /** One for each round. */
    readonly values: readonly number[];
  }>;
}

/** Measures a scenario in so many rounds, with every contender in each of them. */
export async function runScenario(
  scenario: Scenario,
  sizes: Sizes,
  rounds: number,
  tell: (line: string) => void,
  isBrief = false,
): Promise<Result> {
  const all: Figure[] = [];
  for (let number = 1; number <= rounds; number++) {
    tell(`${scenario.name}, ${sizes.entries} ${sizes.shape} entries, round ${number} of ${rounds}`);
    all.push(...(await scenario.measure({ ...sizes, number, isBrief, tell })));
  }
  const named = new Map<string, Figure[]>();
  for (const figure of all) {
    const name = JSON.stringify([figure.contender, figure.name]);
    named.set(name, [...(named.get(name) ?? []), figure]);
  }
  const figures = [...named.values()].flatMap((some) => {
    const [first] = some;
    if (first === undefined) return [];
    const values = some.map(({ value }) => value);
    return [{ contender: first.contender, name: first.name, median: median(values), values }];
  });
  return { scenario: scenario.name, about: scenario.about, ...sizes, rounds, figures };
}

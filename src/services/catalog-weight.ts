import type { WeightRule } from './formats/format.js';
import type { Loss } from './service-record.js';

/** Consul's weights are whole numbers from 1 to this. */
const WEIGHT_MAX = 65_535;
/** What one stands for, of a service some of whose weights are no whole numbers from 1 up. */
const SCALE = 100;

/**
 * A weight as the catalog has it. All instances of a service are counted in the same unit, so that their shares of the
 * traffic stay as they are: in hundredths where one of the rules needs that.
 * @returns undefined for 1, which everything has of which nothing is said
 */
export function catalogWeight(
  weight: number,
  rules: readonly WeightRule[],
): { readonly weight: number | undefined; readonly losses: readonly Loss[] } {
  const scale = rules.every((rule) => Number.isInteger(rule.weight) && rule.weight >= 1) ? 1 : SCALE;
  // Anybody writes rules: what is beyond all numbers, times 0, is none.
  const exact = Number.isNaN(weight) ? 0 : weight * scale;
  const counted = Math.min(WEIGHT_MAX, Math.max(1, Math.round(exact)));
  const why = `Consul's weights are whole numbers from 1 to ${WEIGHT_MAX}, here with ${scale} for 1`;
  // Products of fractions miss whole numbers by a little.
  const isKept = Math.abs(exact - counted) < 1e-6 * counted;
  return { weight: counted === 1 ? undefined : counted, losses: isKept ? [] : [{ field: 'weight', why }] };
}

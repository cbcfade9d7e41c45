import { isObject, parseObject } from '../service-record.js';
import type { ServiceRecord } from '../service-record.js';
import { textOf } from './format.js';
import type { SiblingWeights, WeightRule } from './format.js';

const VECTOR = 'vector_';
const MEMBER = 'member_';

/**
 * The weights of server sets: children `vector_*` beside the members, as Finagle reads them. All rules that select a
 * member count, one on top of the other; one that none selects has the weight 1.
 */
export const vectors: SiblingWeights = {
  isRules: (id) => id.startsWith(VECTOR),
  parse: (data) => {
    const rules = parseObject(textOf(data) ?? '')?.['vector'];
    return Array.isArray(rules) ? rules.flatMap(ruleOf) : undefined;
  },
};

function ruleOf(rule: unknown): WeightRule[] {
  if (!isObject(rule) || typeof rule['select'] !== 'string' || typeof rule['weight'] !== 'number') return [];
  const selects = selector(rule['select']);
  return selects === undefined ? [] : [{ selects, weight: rule['weight'] }];
}

function selector(select: string): WeightRule['selects'] | undefined {
  const [kind, what] = [select.slice(0, select.indexOf('=')), select.slice(select.indexOf('=') + 1)];
  switch (kind) {
    case 'inet':
      return (_place, { address, port }) => what === `${address}:${port}`;
    case 'member':
      return ({ id }) => id === what || id === MEMBER + what;
    case 'shard':
      return (_place, record) => isShard(record, what);
    default:
      return undefined;
  }
}

/** A number, or text. */
function isShard({ carried }: ServiceRecord, what: string): boolean {
  const shard = carried['shard'];
  return shard !== undefined && (shard === what || shard === JSON.stringify(what));
}

import type { EntryKey, KeyPrefix, UnknownReading } from '../core/observation.js';
import type { Version } from '../core/version.js';
import type { ChildNames, Replica } from '../ports/replica.js';
import type { SiblingWeights, WeightRule } from './formats/format.js';

export interface SiblingRulesOptions {
  /** The tree of registrations, node for node. */
  readonly nodes: Replica & ChildNames;
  readonly weights: SiblingWeights;
  /** Told of a node that should hold rules, and holds none of the format. */
  readonly onBroken: (key: EntryKey, why: string) => void;
}

/** What is said of a service's instances, or why that is not known. */
export type RulesRead = readonly WeightRule[] | UnknownReading;

/** More nodes with rules than that beside the instances of one service are none that people make. */
const NODES_MAX = 64;
/** So many rules are tried for each instance of the service, in the event loop. */
const RULES_MAX = 4_096;
const NONE: readonly WeightRule[] = [];
const DENIED: UnknownReading = { kind: 'unknown', reason: 'denied' };
const NOT_READ: UnknownReading = { kind: 'unknown', reason: 'not-read' };
const UNREADABLE: UnknownReading = { kind: 'unknown', reason: 'unreadable' };

/** Above all numbers of ZooKeeper, which are signed. */
const WEIGHED = 1n << 63n;

/**
 * The weights of instances that stand in nodes beside theirs. Read anew with each reading of an instance, and nothing is
 * kept: where they change, all that is below the same parent has stirred.
 */
export class SiblingRules {
  constructor(private readonly options: SiblingRulesOptions) {}

  /** The part of the tree that a node says something of; undefined for a node that holds no rules. */
  weighedBy(key: EntryKey): KeyPrefix | undefined {
    const parent = parentOf(key);
    const says = parent !== '' && this.options.weights.isRules(key.slice(parent.length));
    return says ? parent : undefined;
  }

  /**
   * What is said of these instances, by the part of the tree that they stand in, now or later.
   * @throws ReplicaError
   */
  async beside(
    instances: readonly EntryKey[],
    signal: AbortSignal,
  ): Promise<(instance: EntryKey) => RulesRead> {
    const parents = [...new Set(instances.map(parentOf))];
    const { nodes } = this.options;
    const names = await nodes.childNames(
      parents.map((parent) => parent.slice(0, -1)),
      signal,
    );
    const rulesOf = new Map<KeyPrefix, RulesRead>();
    const wanted = new Map<KeyPrefix, readonly EntryKey[]>();
    for (const parent of parents) {
      const found = names.get(parent.slice(0, -1))?.filter((name) => this.options.weights.isRules(name));
      const keys = found?.map((name) => parent + name) ?? [];
      if (found === undefined) rulesOf.set(parent, DENIED);
      else if (keys.length > NODES_MAX) rulesOf.set(parent, this.tooMany(parent, keys.length));
      else wanted.set(parent, keys);
    }
    await this.read(wanted, rulesOf, signal);
    return (instance) => rulesOf.get(parentOf(instance)) ?? NOT_READ;
  }

  private async read(
    wanted: ReadonlyMap<KeyPrefix, readonly EntryKey[]>,
    rulesOf: Map<KeyPrefix, RulesRead>,
    signal: AbortSignal,
  ): Promise<void> {
    const keys = [...wanted.values()].flat();
    const readings = keys.length === 0 ? undefined : await this.options.nodes.read(keys, signal);
    for (const [parent, ofParent] of wanted) {
      const rules: WeightRule[] = [];
      let unknown: UnknownReading | undefined;
      for (const key of ofParent) {
        const reading = readings?.get(key) ?? NOT_READ;
        if (reading.kind === 'unknown') unknown = reading;
        else if (reading.kind === 'present') {
          const found = this.parsed(key, reading.value);
          if (rules.length + found.length > RULES_MAX) unknown = this.tooManyRules(parent);
          else rules.push(...found);
        }
      }
      rulesOf.set(parent, unknown ?? rules);
    }
  }

  /** Clients take no notice of what is no vector. */
  private parsed(key: EntryKey, value: Uint8Array): readonly WeightRule[] {
    const rules = this.options.weights.parse(value);
    if (rules === undefined) this.options.onBroken(key, 'it holds no weights of the format');
    return rules ?? NONE;
  }

  private tooMany(parent: KeyPrefix, count: number): UnknownReading {
    this.options.onBroken(parent, `${count} nodes with weights are more than the ${NODES_MAX} that are read`);
    return UNREADABLE;
  }

  private tooManyRules(parent: KeyPrefix): UnknownReading {
    this.options.onBroken(
      parent,
      `its nodes with weights have more than the ${RULES_MAX} rules that are tried`,
    );
    return UNREADABLE;
  }
}

/**
 * The version of an instance together with its weight. A node's own tells of its own writes alone, and what was read at the
 * same version has to be the same. What gave the node its present data is not used twice, so that when it was made need
 * not be told as well: the weight has its place.
 */
export function weighedVersion(version: Version, weight: number | undefined): Version {
  return weight === undefined ? version : { ...version, created: WEIGHED + BigInt(weight) };
}

function parentOf(key: EntryKey): KeyPrefix {
  return key.slice(0, key.lastIndexOf('/') + 1);
}

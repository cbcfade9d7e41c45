import type { DaemonAct, FaultAct, StoreAct } from '../plan.js';

/** One run with services, complete: like `Plan` of mappings. */
export interface ServicesPlan {
  readonly seed: number;
  readonly setup: ServicesSetup;
  readonly steps: readonly ServicesStep[];
}

export type FormatName = 'curator' | 'spring' | 'serverset' | 'nerve';

export interface ServicesSetup {
  readonly format: FormatName;
  readonly bridges: readonly BridgeSetup[];
  /** Daemons of each instance, of which one leads. */
  readonly seats: 1 | 2;
  readonly direction: 'both' | 'zookeeper-to-consul' | 'consul-to-zookeeper';
  readonly removeAfterMs: number;
  readonly minHealthy: number;
  readonly onlyPassing: boolean;
  readonly namePrefix: string;
  readonly tags: readonly string[];
  /** Whether one service is called differently in Consul. */
  readonly renames: boolean;
  readonly onArchiveLoss: 'hold' | 'merge';
  readonly verifyEveryMs: number;
  readonly bounds: {
    readonly pageEntries: number;
    readonly readBytesMax: number;
    readonly batchOperationsMax: number;
  };
  readonly watches: 'recursive' | 'one-shot';
  readonly travelMs: { readonly min: number; readonly max: number };
  readonly diskMs: number;
  /** Whether all copies are taken away in the end, by the command for it. */
  readonly deregisters: boolean;
}

/** A daemon's instance, with the base path of its list. All have one Consul, and may share a tree. */
export interface BridgeSetup {
  readonly instance: string;
  readonly root: string;
  readonly exclude: readonly string[];
}

export interface ServicesStep {
  /** How long after the step before. */
  readonly afterMs: number;
  readonly act: ServicesAct;
}

export type ServicesAct = RegistrarAct | MeddlerAct | BridgeAct | FaultAct | StoreAct;

/** What programs do with their own registrations. */
export type RegistrarAct =
  | {
      readonly do: 'register';
      readonly at: Place;
      readonly service: string;
      readonly id: string;
      /** Tells the registration from others of the same instance. */
      readonly revision: number;
      /** With it goes the registration in the tree; stays until it is removed, without. */
      readonly session?: string;
    }
  | { readonly do: 'leave'; readonly at: Place; readonly service: string; readonly id: string }
  /** Everything of a service at once, or all there is. */
  | { readonly do: 'leave-together'; readonly at: Place; readonly service: string | undefined }
  | {
      readonly do: 'health';
      readonly at: Place;
      readonly service: string;
      readonly id: string;
      readonly isUp: boolean;
    }
  /** Of all instances on a node of the catalog. */
  | { readonly do: 'node-health'; readonly node: string; readonly isUp: boolean }
  | { readonly do: 'end-session'; readonly session: string };

export type Place =
  { readonly store: 'tree'; readonly root: string } | { readonly store: 'catalog'; readonly node: string };

/** What nobody should do, with what isn't theirs. `pick` chooses among what is there then. */
export type MeddlerAct =
  | {
      readonly do: 'meddle';
      readonly store: 'tree' | 'catalog';
      readonly how: 'change' | 'delete' | 'recreate' | 'spoil';
      readonly pick: number;
    }
  /** Something of other makers: another deployment's copy, what is no instance, a service on the copies' node. */
  | {
      readonly do: 'stranger';
      readonly kind: StrangerKind;
      readonly service: string;
      readonly pick: number;
    }
  | { readonly do: 'delete-node'; readonly pick: number }
  /** Data for the node that stands for a service. */
  | { readonly do: 'fill-parent'; readonly service: string; readonly pick: number };

export type StrangerKind =
  | 'foreign copy in the tree'
  | 'foreign copy in the catalog'
  | 'foreign node in the catalog'
  | 'on the node of copies'
  | 'broken node'
  | 'empty node';

/** What is done to one bridge. */
export type BridgeAct =
  | (Exclude<DaemonAct, { do: 'start-rival' | 'fail-disk' }> & { readonly bridge: number })
  | {
      readonly do: 'reconfigure';
      readonly bridge: number;
      readonly exclude: readonly string[];
      readonly downMs: number;
    }
  | { readonly do: 'pause' | 'resume' | 'approve'; readonly bridge: number };

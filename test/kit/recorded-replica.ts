import type { EntryKey, KeyPrefix, PresentReading, Reading } from '../../src/core/observation.js';
import type {
  HintListener,
  Replica,
  ScannedEntry,
  WriteApplied,
  WriteOperation,
} from '../../src/ports/replica.js';
import { decodeRecord, encodeRecord } from '../../src/services/service-record.js';
import { digest } from '../servers/consul/replica-fixture.js';

/** How plain keys and values, as contracts have them, are registrations of services. */
export interface Recording {
  keyOf(key: EntryKey): EntryKey;
  plainKeyOf(key: EntryKey): EntryKey;
  /** Of parts of keys. */
  prefixOf(within: KeyPrefix): KeyPrefix;
  plainPrefixOf(within: KeyPrefix): KeyPrefix;
  recordOf(value: Uint8Array): Uint8Array;
  valueOf(record: Uint8Array): Uint8Array;
}

/** All keys below one service's name, and the value in base64 as the only tag. */
export const TAGGED: Recording = {
  keyOf: (key) => `web/${key}`,
  plainKeyOf: (key) => key.slice('web/'.length),
  prefixOf: (within) => `web/${within}`,
  plainPrefixOf: (within) => within.slice('web/'.length),
  recordOf: (value) =>
    encodeRecord({
      address: '10.0.0.1',
      port: 80,
      tags: [Buffer.from(value).toString('base64')],
      meta: {},
      weight: undefined,
      carried: {},
    }),
  valueOf: (record) => new Uint8Array(Buffer.from(decodeRecord(record).tags[0] ?? '', 'base64')),
};

/** A replica of service records that looks like one of plain keys and values, so that contracts can be run on it. */
export function recorded(inner: Replica, recording: Recording): Replica {
  const reading = (one: PresentReading): PresentReading => {
    const value = recording.valueOf(one.value);
    return { ...one, value, digest: digest(value) };
  };
  const readings = (all: ReadonlyMap<EntryKey, Reading>): Map<EntryKey, Reading> =>
    new Map(
      [...all].map(([key, one]) => [recording.plainKeyOf(key), one.kind === 'present' ? reading(one) : one]),
    );
  const plain = <T>(all: ReadonlyMap<EntryKey, T>): Map<EntryKey, T> =>
    new Map([...all].map(([key, one]) => [recording.plainKeyOf(key), one]));
  const operationOn = (operation: WriteOperation): WriteOperation =>
    operation.kind === 'delete'
      ? { ...operation, key: recording.keyOf(operation.key) }
      : { ...operation, key: recording.keyOf(operation.key), value: recording.recordOf(operation.value) };
  const applied = (outcome: WriteApplied): WriteApplied => ({
    ...outcome,
    versions: plain(outcome.versions),
    madeParents: new Map(),
    overwrittenInRace: new Map(
      [...plain(outcome.overwrittenInRace)].map(([key, one]) => [key, reading(one)]),
    ),
  });
  const { limits } = inner;
  // In base64, three bytes are four, and the rest of a record is always the same.
  const frameBytes = recording.recordOf(new Uint8Array()).length;
  const recordBytes = (valueBytes: number): number => frameBytes + 4 * Math.ceil(valueBytes / 3);
  return {
    limits: {
      ...limits,
      valueBytesMax: 3 * Math.floor((limits.valueBytesMax - frameBytes) / 4),
      operationBytes: (key, valueBytes) =>
        limits.operationBytes(recording.keyOf(key), recordBytes(valueBytes)),
      unmappable: (key) => limits.unmappable(recording.keyOf(key)),
    },
    watch: (listener, signal) => inner.watch(heard(listener, recording), signal),
    async *scan(known, signal, within = '') {
      const knows = (key: EntryKey) => known(recording.plainKeyOf(key));
      for await (const page of inner.scan(knows, signal, recording.prefixOf(within))) {
        yield page.map((one): ScannedEntry => {
          const read = one.reading;
          const key = recording.plainKeyOf(one.key);
          return { ...one, key, empty: undefined, reading: read && (() => reading(read())) };
        });
      }
    },
    async *listKeys(signal) {
      for await (const page of inner.listKeys(signal)) yield page.map(recording.plainKeyOf);
    },
    position: (signal) => inner.position(signal),
    read: async (keys, signal) => readings(await inner.read(keys.map(recording.keyOf), signal)),
    glance: async (keys, signal) => {
      const glance = await inner.glance(keys.map(recording.keyOf), signal);
      return { ...glance, readings: readings(glance.readings) };
    },
    proveAbsent: async (keys, signal) =>
      new Set([...(await inner.proveAbsent(keys.map(recording.keyOf), signal))].map(recording.plainKeyOf)),
    accessOf: async (keys, signal) => plain(await inner.accessOf(keys.map(recording.keyOf), signal)),
    write: async ({ operations, ledger }, signal) => {
      const outcome = await inner.write({ operations: operations.map(operationOn), ledger }, signal);
      if (outcome.kind === 'applied') return applied(outcome);
      if (outcome.kind === 'condition-failed')
        return { ...outcome, keys: outcome.keys.map(recording.plainKeyOf) };
      if (outcome.kind !== 'rejected') return outcome;
      const rejections = outcome.rejections.map((one) => ({ ...one, key: recording.plainKeyOf(one.key) }));
      return { ...outcome, rejections };
    },
    readLedger: (signal) => inner.readLedger(signal),
    listLedgers: (signal) => inner.listLedgers(signal),
  };
}

function heard(listener: HintListener, recording: Recording): HintListener {
  return {
    changed: (keys) => listener.changed(keys.map(recording.plainKeyOf)),
    saw: () => {
      throw new Error('registrations tell no views');
    },
    stirred: (within = '') => listener.stirred(recording.plainPrefixOf(within)),
    rescan: (reason) => listener.rescan(reason),
    lost: (why) => listener.lost(why),
  };
}

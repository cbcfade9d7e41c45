import { describe, expect, it } from 'vitest';
import type { AuditedWrite } from '../../../src/ports/audit.js';
import type { WrittenEntry } from '../../../src/ports/written.js';
import { Orders } from '../../../src/sync/orders.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

/** A world whose daemon tells an audit of its writes. */
function audited(options: ConstructorParameters<typeof SimulatedWorld>[0] = {}) {
  const writes: AuditedWrite[] = [];
  const audit = { isOn: true, written: (write: AuditedWrite) => void writes.push(write) };
  const world = new SimulatedWorld({ ...options, context: { ...options.context, audit } });
  return { world, of: (key: string) => writes.filter((write) => write.key === key), writes };
}

describe('the audit', () => {
  it('is told of each write: what was there, what is there now, from which side and why', async () => {
    const { world, of, writes } = audited();
    world.treeClient.put('k', bytes('one'));
    world.treeClient.put('other', bytes('x'));
    await world.start();
    await world.inSync();
    world.treeClient.put('k', bytes('longer'));
    await world.clock.advance(5_000);
    world.flatClient.remove('k');
    await world.clock.advance(5_000);
    await world.inSync();
    const told = of('k').map(({ replica, origin, operation, reason, result, before, after }) => {
      return [operation, origin, replica, reason, result, before?.bytes, after?.bytes];
    });
    expect(told).toEqual([
      ['create', 'tree', 'flat', 'created', 'ok', undefined, 3],
      ['update', 'tree', 'flat', 'changed', 'ok', 3, 6],
      ['delete', 'flat', 'tree', 'deleted', 'ok', 6, undefined],
    ]);
    const [create, update] = of('k');
    expect(update!.before).toEqual(create!.after);
    expect(update!.after!.version!.modified).toBeGreaterThan(update!.before!.version!.modified);
    expect(update!.after!.digest).not.toBe(update!.before!.digest);
    // Nothing but these was written: no line for what the daemon only looked at.
    expect(writes).toHaveLength(4);
    await world.stop();
  });

  it('is told of what a person has ordered as such, and so is whoever asks for the latest changes', async () => {
    const written: WrittenEntry[] = [];
    const onWritten = (entries: readonly WrittenEntry[]) => void written.push(...entries);
    const { world, of } = audited({ context: { onWritten } });
    world.treeClient.put('k', bytes('one'));
    world.treeClient.put('stays', bytes('x'));
    await world.start();
    await world.inSync();
    world.treeClient.remove('k');
    await world.clock.advance(60_000);
    void new Orders(world.daemon.sync).restore({ key: 'k' }, new AbortController().signal);
    await world.clock.advance(60_000);
    await world.inSync();
    const told = of('k').slice(2);
    expect(told.map(({ operation, replica }) => [operation, replica])).toEqual([
      ['create', 'tree'],
      ['create', 'flat'],
    ]);
    for (const line of told)
      expect(line).toMatchObject({ origin: 'operator', reason: 'ordered', result: 'ok' });
    const latest = written.filter(({ key }) => key === 'k').slice(2);
    expect(latest).toMatchObject([
      { cause: 'operator', sourceVersion: undefined },
      { cause: 'operator', sourceVersion: undefined },
    ]);
    await world.stop();
  });

  it('is told by which rule a conflict was decided', async () => {
    const { world, of } = audited({ policy: { conflict: 'left-wins' } });
    world.treeClient.put('k', bytes('of the tree'));
    world.flatClient.put('k', bytes('of the flat store'));
    await world.start();
    await world.inSync();
    expect(of('k')).toMatchObject([
      // What the walk has read is created without another look: the condition tells that it is there.
      { operation: 'create', reason: 'created', result: 'condition-failed', after: undefined },
      { operation: 'update', reason: 'initial: left-wins', result: 'ok' },
    ]);
    await world.stop();
  });

  it('is told of a write that the store has refused, by its reason', async () => {
    const { world, of } = audited();
    world.treeClient.put('k', bytes('x'));
    world.treeClient.put('fine', bytes('x'));
    await world.start();
    world.daemon.links.right.faults = {
      denies: (access, name) => access === 'write' && name.endsWith('/k'),
    };
    await world.clock.advance(10_000);
    expect(of('k')[0]).toMatchObject({ operation: 'create', result: 'denied', after: undefined });
    expect(of('fine')).toMatchObject([{ result: 'ok' }]);
    await world.stop();
  });

  it('is told of a write whose answer was lost, as one of which nobody knows', async () => {
    const { world, of } = audited();
    world.treeClient.put('k', bytes('x'));
    await world.start();
    await world.inSync();
    let isLost = false;
    world.daemon.links.right.faults = {
      afterWrite: () => {
        if (isLost) return undefined;
        isLost = true;
        return 'reply-lost';
      },
    };
    world.treeClient.put('k', bytes('y'));
    await world.clock.advance(60_000);
    expect(of('k').at(1)?.result).toMatch(/^unknown: STORE_/);
    await world.stop();
  });
});

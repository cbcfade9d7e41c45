import jute from 'node-zookeeper-client/lib/jute/index.js';
import { expect, it } from 'vitest';
import { OP } from '../../../src/zookeeper/protocol.js';
import { multiReadRequest } from '../../../src/zookeeper/requests.js';

const PATHS = ['/config', '/config/a b/c', '/config/größe/日本/\u{1f600}'];

it.each(['getData', 'getChildren'] as const)(
  'asks for many nodes by the bytes that the package would write (%s)',
  (what) => {
    const records = [
      ...PATHS.flatMap((path) => [
        new jute.protocol.MultiHeader(OP[what], false, -1),
        // A GetChildrenRequest is a path and a flag, too.
        new jute.protocol.GetDataRequest(path, false),
      ]),
      new jute.protocol.MultiHeader(-1, true, -1),
    ];
    const body = Buffer.alloc(records.reduce((sum, record) => sum + record.byteLength(), 0));
    let end = 0;
    for (const record of records) end += record.serialize(body, end);

    const { frame, path } = multiReadRequest(what, PATHS);
    expect(frame.subarray(12)).toEqual(body);
    expect(frame.readInt32BE(0)).toBe(frame.length - 4);
    expect(frame.readInt32BE(8)).toBe(OP.multiRead);
    expect(path).toBe('/config');
  },
);

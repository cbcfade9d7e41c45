/**
 * Types for what this project uses of node-zookeeper-client 1.1.3, which has none: its connection manager and its
 * jute records. Read from the package's sources; the version is pinned exactly because these are its inner parts.
 */

declare module 'node-zookeeper-client/lib/ConnectionManager.js' {
  import { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  /** A request as the manager sends it: it sets `header.xid`, and then asks for the whole frame. */
  export interface QueuedRequest {
    readonly header: { xid: number; readonly type: number };
    toBuffer(): Buffer;
  }

  export interface Packet {
    readonly request: QueuedRequest;
    readonly callback: (error: unknown, response?: unknown) => void;
  }

  export interface ManagerOptions {
    readonly sessionTimeout: number;
    readonly spinDelay: number;
    readonly sessionId?: Buffer;
    readonly sessionPassword?: Buffer;
  }

  export default class ConnectionManager extends EventEmitter {
    static readonly STATES: {
      readonly DISCONNECTED: 0;
      readonly CONNECTING: 1;
      readonly CONNECTED: 2;
      readonly CONNECTED_READ_ONLY: 3;
      readonly CLOSING: -1;
      readonly CLOSED: -2;
      readonly SESSION_EXPIRED: -3;
      readonly AUTHENTICATION_FAILED: -4;
    };

    constructor(connectionString: string, options: ManagerOptions, stateListener: (state: number) => void);

    protected state: number;
    protected xid: number;
    /** Eight bytes, as are all of the package's longs. */
    protected zxid: Buffer;
    protected sessionId: Buffer;
    protected sessionPassword: Buffer;
    protected sessionTimeout: number;
    protected socket: Socket | undefined;
    protected readonly pendingQueue: Packet[];
    protected readonly packetQueue: { readonly queue: Packet[] };

    protected connect(): void;
    protected setState(state: number): void;
    protected updateTimeout(sessionTimeoutMs: number): void;
    protected queue(request: QueuedRequest, callback?: Packet['callback']): void;
    protected cleanupPendingQueue(errorCode: number): void;
    protected onPacketQueueReadable(): void;
    protected onSocketConnected(): void;
    protected onSocketData(chunk: Buffer): void;
    protected onSocketDrain(): void;
    protected onSocketClosed(hadError: boolean): void;
    protected onSocketError(error: Error): void;
    protected close(): void;
    addAuthInfo(scheme: string, auth: Buffer): void;
  }
}

declare module 'node-zookeeper-client/lib/jute/index.js' {
  /** A record of the protocol. `serialize` and `deserialize` return how many bytes they took. */
  export interface JuteRecord {
    byteLength(): number;
    serialize(buffer: Buffer, offset: number): number;
    deserialize(buffer: Buffer, offset: number): number;
  }

  export interface AclRecord extends JuteRecord {
    readonly perms: number;
    readonly id: { readonly scheme: string | undefined; readonly id: string | undefined };
  }

  export interface Jute {
    readonly Request: new (
      header: JuteRecord & { xid: number; readonly type: number },
      payload: JuteRecord | null,
    ) => import('node-zookeeper-client/lib/ConnectionManager.js').QueuedRequest;
    readonly data: {
      readonly Id: new (scheme: string, id: string) => JuteRecord;
      readonly ACL: new (permissions: number, id: JuteRecord) => JuteRecord;
    };
    readonly protocol: {
      readonly RequestHeader: new (
        xid: number,
        type: number,
      ) => JuteRecord & { xid: number; readonly type: number };
      readonly ReplyHeader: new () => JuteRecord & {
        readonly xid: number;
        readonly zxid: Buffer;
        readonly err: number;
      };
      readonly ConnectResponse: new () => JuteRecord & {
        readonly timeOut: number;
        readonly sessionId: Buffer;
        readonly passwd: Buffer;
      };
      readonly WatcherEvent: new () => JuteRecord & {
        readonly type: number;
        readonly state: number;
        readonly path: string | undefined;
      };
      readonly MultiHeader: new (type?: number, done?: boolean, err?: number) => JuteRecord;
      readonly ExistsRequest: new (path: string, watch: boolean) => JuteRecord;
      readonly GetDataRequest: new (path: string, watch: boolean) => JuteRecord;
      readonly GetChildren2Request: new (path: string, watch: boolean) => JuteRecord;
      readonly GetACLRequest: new (path: string) => JuteRecord;
      readonly GetACLResponse: new () => JuteRecord & {
        readonly acl: readonly AclRecord[] | undefined;
      };
      readonly CreateRequest: new (
        path: string,
        data: Buffer,
        acl: readonly JuteRecord[],
        flags: number,
      ) => JuteRecord;
      readonly SetDataRequest: new (path: string, data: Buffer, version: number) => JuteRecord;
      readonly DeleteRequest: new (path: string, version: number) => JuteRecord;
    };
  }

  const jute: Jute;
  export default jute;
}

/**
 * The tests' own eyes and hands in Consul. They share no code with the project, so that a fault of its clients
 * can't hide itself, and have no cleverness: no retries, no caches, one request per call.
 */

const REQUEST_TIMEOUT_MS = 10_000;

/** A Consul entry with every field that its HTTP API tells, numbers exact to the last bit. */
export interface ConsulEntry {
  readonly key: string;
  readonly value: Buffer;
  /** 64 bits, in decimal. */
  readonly flags: string;
  readonly createIndex: bigint;
  readonly modifyIndex: bigint;
  readonly lockIndex: bigint;
  readonly session: string | undefined;
}

/** One operation of `/v1/txn` on a key. `value`, `flags`, `index` and `session` only where the verb takes them. */
export interface ConsulOperation {
  readonly verb: string;
  readonly key: string;
  readonly value?: string | Uint8Array;
  readonly flags?: string | bigint;
  readonly index?: bigint;
  readonly session?: string;
}

export interface ConsulTransactionResult {
  readonly status: number;
  readonly entries: readonly ConsulEntry[];
  readonly errors: readonly { readonly operation: number; readonly what: string }[];
}

export interface ConsulAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Raw access to Consul's KV store. Keys go through `/v1/txn`, where any string but the empty one is legal. */
export class RawConsul {
  readonly #address: string;
  readonly #token: string | undefined;

  constructor(
    server: { readonly address: string; readonly managementToken?: string | undefined },
    token?: string,
  ) {
    this.#address = server.address;
    this.#token = token ?? server.managementToken;
  }

  /** The entry, or undefined when there is none. */
  async get(key: string): Promise<ConsulEntry | undefined> {
    const { status, entries, errors } = await this.transaction([{ verb: 'get', key }]);
    if (status === 409 && errors.every(({ what }) => what.includes("doesn't exist"))) return undefined;
    if (status !== 200) throw new Error(`get ${key}: ${String(status)} ${JSON.stringify(errors)}`);
    // A transaction that only reads leaves out, with status 200, what the token may not see.
    if (entries[0] === undefined) throw new Error(`get ${key}: Permission denied`);
    return entries[0];
  }

  /** Sets value and flags, and tells the entry as written. */
  async put(key: string, value: string | Uint8Array, flags: string | bigint = 0n): Promise<ConsulEntry> {
    const [entry] = await this.#apply([{ verb: 'set', key, value, flags }]);
    if (entry === undefined) throw new Error(`put ${key}: no result`);
    return entry;
  }

  /** Sets a value by a request of its own, which may be larger than a transaction: 512 KiB. Flags become 0. */
  async putWhole(key: string, value: Uint8Array): Promise<void> {
    const path = key.split('/').map(encodeURIComponent).join('/');
    const { status, text } = await this.request('PUT', `/v1/kv/${path}`, value);
    if (status !== 200 || text.trim() !== 'true') throw new Error(`put ${key}: ${String(status)} ${text}`);
  }

  async delete(key: string): Promise<void> {
    await this.#apply([{ verb: 'delete', key }]);
  }

  /** Deletes every key with this prefix, taken literally; not the empty prefix, which transactions refuse. */
  async deleteTree(prefix: string): Promise<void> {
    await this.#apply([{ verb: 'delete-tree', key: prefix }]);
  }

  /** Every entry with this prefix, taken literally, in the order of keys. */
  async list(prefix: string): Promise<ConsulEntry[]> {
    if (prefix === '') return await this.#listAll();
    return [...(await this.#apply([{ verb: 'get-tree', key: prefix }]))];
  }

  /** One atomic transaction, whatever comes of it. Consul 1.8 takes 64 operations. */
  async transaction(operations: readonly ConsulOperation[]): Promise<ConsulTransactionResult> {
    const body = `[${operations.map(encodeOperation).join(',')}]`;
    const { status, text } = await this.request('PUT', '/v1/txn', body);
    const isJson = text.startsWith('{');
    if (!isJson) return { status, entries: [], errors: [{ operation: -1, what: text }] };
    const answer = parseExactly(text) as { Results?: RawResult[] | null; Errors?: RawError[] | null };
    return {
      status,
      entries: (answer.Results ?? []).map(({ KV }) => decodeEntry(KV)),
      errors: (answer.Errors ?? []).map(({ OpIndex, What }) => ({ operation: OpIndex, what: What })),
    };
  }

  /** A request to any other endpoint, such as `/v1/session/create`. */
  async request(method: string, path: string, body?: string | Uint8Array): Promise<ConsulAnswer> {
    const response = await fetch(`${this.#address}${path}`, {
      method,
      // Compressing random values would take Consul many times longer than sending them.
      headers: {
        'Accept-Encoding': 'identity',
        ...(this.#token === undefined ? {} : { 'X-Consul-Token': this.#token }),
      },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /**
   * Makes a token (on a server with access control) that may do what `rules` say, in Consul's policy language.
   * @returns its secret, and the id of its policy for `updatePolicy`
   */
  async createToken(rules: string): Promise<{ secret: string; policyId: string }> {
    const name = `policy-${String(process.hrtime.bigint())}`;
    const policy = await this.#json<{ ID: string }>('/v1/acl/policy', { Name: name, Rules: rules });
    const token = await this.#json<{ SecretID: string }>('/v1/acl/token', { Policies: [{ ID: policy.ID }] });
    return { secret: token.SecretID, policyId: policy.ID };
  }

  /** Changes what the tokens of a policy may do. */
  async updatePolicy(policyId: string, rules: string): Promise<void> {
    const name = `policy-${String(process.hrtime.bigint())}`;
    await this.#json(`/v1/acl/policy/${policyId}`, { ID: policyId, Name: name, Rules: rules });
  }

  /** Makes a session. Its TTL, like `30s`, is 10 s at least, and takes effect after up to twice its length. */
  async createSession(options: {
    TTL?: string;
    Behavior?: 'release' | 'delete';
    LockDelay?: string;
  }): Promise<string> {
    return (await this.#json<{ ID: string }>('/v1/session/create', options)).ID;
  }

  async destroySession(id: string): Promise<void> {
    await this.#json(`/v1/session/destroy/${id}`, {});
  }

  async #listAll(): Promise<ConsulEntry[]> {
    const { status, text } = await this.request('GET', '/v1/kv/?recurse&consistent');
    if (status === 404) return [];
    if (status !== 200) throw new Error(`list: ${String(status)} ${text}`);
    return (parseExactly(text) as RawEntry[]).map(decodeEntry);
  }

  async #apply(operations: readonly ConsulOperation[]): Promise<readonly ConsulEntry[]> {
    const { status, entries, errors } = await this.transaction(operations);
    if (status !== 200) throw new Error(`transaction: ${String(status)} ${JSON.stringify(errors)}`);
    return entries;
  }

  async #json<T>(path: string, body: object): Promise<T> {
    const { status, text } = await this.request('PUT', path, JSON.stringify(body));
    if (status !== 200) throw new Error(`PUT ${path}: ${String(status)} ${text}`);
    return JSON.parse(text) as T;
  }
}

interface RawEntry {
  readonly Key: string;
  readonly Value: string | null;
  readonly Flags: string;
  readonly CreateIndex: string;
  readonly ModifyIndex: string;
  readonly LockIndex: string;
  readonly Session?: string;
}

interface RawResult {
  readonly KV: RawEntry;
}

interface RawError {
  readonly OpIndex: number;
  readonly What: string;
}

/** Parses JSON with its 64-bit numbers as strings. Inside of JSON strings, quotes are escaped and can't match. */
function parseExactly(text: string): unknown {
  return JSON.parse(text.replaceAll(/"(Flags|(?:Create|Modify|Lock)Index)":(\d+)/g, '"$1":"$2"'));
}

function decodeEntry(raw: RawEntry): ConsulEntry {
  return {
    key: raw.Key,
    value: Buffer.from(raw.Value ?? '', 'base64'),
    flags: raw.Flags,
    createIndex: BigInt(raw.CreateIndex),
    modifyIndex: BigInt(raw.ModifyIndex),
    lockIndex: BigInt(raw.LockIndex),
    session: raw.Session,
  };
}

/** By hand, since `JSON.stringify` can't write 64-bit numbers. */
function encodeOperation({ verb, key, value, flags, index, session }: ConsulOperation): string {
  const fields = [`"Verb":${JSON.stringify(verb)}`, `"Key":${JSON.stringify(key)}`];
  if (value !== undefined) fields.push(`"Value":"${Buffer.from(value).toString('base64')}"`);
  if (flags !== undefined) fields.push(`"Flags":${String(flags)}`);
  if (index !== undefined) fields.push(`"Index":${String(index)}`);
  if (session !== undefined) fields.push(`"Session":${JSON.stringify(session)}`);
  return `{"KV":{${fields.join(',')}}}`;
}

import { z } from 'zod';
import type { Config } from '../../config/schema.js';
import type { ConsulClient } from '../../consul/consul-client.js';
import { connectConsul } from '../../daemon/offline-access.js';
import { CONSUL_WATCHES_MAX } from '../../daemon/mapping-context.js';
import type { Stores } from '../../daemon/stores.js';
import { CONNECT_TIMEOUT_MS } from '../offline.js';
import type { Findings } from './finding.js';

const ABOUT = 'consul';
const NEVER = new AbortController().signal;

/** What this program's batches are made for: Consul's defaults. */
const VALUE_BYTES_NEEDED = 512 * 1024;
const TRANSACTION_BYTES_NEEDED = 512 * 1024;
/** All mappings share those for requests, and for looks into what has changed. */
const CONNECTIONS_SHARED = 16 + 8;

/** @returns whether the agent answers and takes the token, so that more can be found out */
export async function checkConsul(config: Config, stores: Stores, findings: Findings): Promise<boolean> {
  try {
    const leader = await connectConsul(stores, CONNECT_TIMEOUT_MS);
    findings.ok(ABOUT, `${stores.consul.address} answers, the leader is ${leader}`);
    await checkToken(config, stores.consul, findings);
    await checkAgent(config, stores.consul, findings);
    return true;
  } catch (error) {
    findings.failure(ABOUT, error);
    return false;
  }
}

const tokenSelf = z.looseObject({ AccessorID: z.string() });

/** @throws ConsulError when the token is unknown */
async function checkToken(config: Config, client: ConsulClient, findings: Findings): Promise<void> {
  if (config.consul.token === undefined) {
    findings.ok(ABOUT, 'no token configured: requests are anonymous');
    return;
  }
  // 401: access control is off. 404, 405: a version that does not know the request.
  const answer = await ask(client, '/v1/acl/token/self', [200, 401, 404, 405]);
  if (answer.status === 200) {
    const { data } = tokenSelf.safeParse(parseJson(answer.body));
    findings.ok(ABOUT, `the token is accepted${data === undefined ? '' : `, accessor ${data.AccessorID}`}`);
  } else if (answer.status === 401) {
    findings.warn(
      ABOUT,
      'a token is configured, but access control is off there: everyone may do everything',
    );
  }
}

const agentSelf = z.looseObject({
  Config: z.looseObject({ Version: z.string(), Datacenter: z.string() }),
  DebugConfig: z
    .looseObject({
      KVMaxValueSize: z.number().optional(),
      TxnMaxReqLen: z.number().optional(),
      HTTPMaxConnsPerClient: z.number().optional(),
    })
    .optional(),
});

async function checkAgent(config: Config, client: ConsulClient, findings: Findings): Promise<void> {
  const answer = await ask(client, '/v1/agent/self', [200, 403]);
  const { data } = agentSelf.safeParse(answer.status === 200 ? parseJson(answer.body) : undefined);
  if (data === undefined) {
    findings.ok(ABOUT, 'version and limits are not told: the token has no agent:read, and needs none');
    return;
  }
  const { Version, Datacenter } = data.Config;
  findings.ok(ABOUT, `version ${Version}, an agent of datacenter ${Datacenter}`);
  const { KVMaxValueSize, TxnMaxReqLen, HTTPMaxConnsPerClient } = data.DebugConfig ?? {};
  if (KVMaxValueSize !== undefined && KVMaxValueSize < VALUE_BYTES_NEEDED) {
    findings.warn(
      ABOUT,
      `limits.kv_max_value_size is ${KVMaxValueSize}: larger values can't be written there`,
    );
  }
  if (TxnMaxReqLen !== undefined && TxnMaxReqLen < TRANSACTION_BYTES_NEEDED) {
    findings.fail(
      ABOUT,
      `limits.txn_max_req_len is ${TxnMaxReqLen}: batches are up to ${TRANSACTION_BYTES_NEEDED} bytes and would be refused`,
    );
  }
  // A list of services has two watches; mappings have parts that are watched, as long as there is room for them.
  const needed = Math.max(CONSUL_WATCHES_MAX, 2 * config.mappings.length) + CONNECTIONS_SHARED;
  if (HTTPMaxConnsPerClient !== undefined && HTTPMaxConnsPerClient > 0 && HTTPMaxConnsPerClient < needed) {
    findings.warn(
      ABOUT,
      `limits.http_max_conns_per_client is ${HTTPMaxConnsPerClient}: ${config.mappings.length} mappings need up to ${needed} connections`,
    );
  }
}

/** An answer of whatever size the agent's own configuration has. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

async function ask(client: ConsulClient, path: string, accepts: readonly number[]) {
  return client.request(
    {
      operation: 'other',
      method: 'GET',
      path,
      accepts,
      repeatable: true,
      timeoutMs: CONNECT_TIMEOUT_MS,
      answerBytesMax: ANSWER_BYTES_MAX,
    },
    NEVER,
  );
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

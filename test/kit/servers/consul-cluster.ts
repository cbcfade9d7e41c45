import { ConsulServer, type ConsulPorts } from './consul-server.js';
import { freePorts } from './free-ports.js';
import { PortTakenError, ServerProcess } from './server-process.js';

const SERVERS = 3;
const PORTS_EACH = 3;
const START_ATTEMPTS_MAX = 5;
const LEADER_TIMEOUT_MS = 2_000;

/**
 * Settings of every member. Who is dead stays a member: with the default, the leader would strike a killed server off
 * its list, and a cluster of three could be one of two when the next is killed.
 */
const COMMON = {
  autopilot: { cleanup_dead_servers: false },
  retry_interval: '500ms',
  rejoin_after_leave: true,
};

/** Three real Consul servers, and an agent without data in front of them, as a host of clients has one. */
export class ConsulCluster {
  constructor(
    readonly servers: readonly ConsulServer[],
    /** Passes every request on to one of the servers, and to another one when that fails. */
    readonly agent: ConsulServer,
  ) {}

  /** Who leads, as far as the servers that answer know; undefined while nobody does. */
  async leader(): Promise<ConsulServer | undefined> {
    const told = await Promise.all(this.servers.map((server) => toldLeader(server)));
    return this.servers.find((server, index) => told[index] === server.raftAddress);
  }

  /** Kills all members and deletes their folders. */
  async dispose(): Promise<void> {
    await Promise.all([...this.servers, this.agent].map((member) => member.dispose()));
  }
}

/** Starts a cluster; resolves when every member takes writes. The caller disposes it. */
export async function startConsulCluster(): Promise<ConsulCluster> {
  for (let attempt = 1; ; attempt++) {
    const cluster = await createCluster();
    const starts = await Promise.allSettled(
      [...cluster.servers, cluster.agent].map((member) => member.start()),
    );
    const failures = starts.flatMap((start): unknown[] =>
      start.status === 'rejected' ? [start.reason] : [],
    );
    if (failures.length === 0) return cluster;
    await cluster.dispose();
    const wasPortTaken = failures.some((failure) => failure instanceof PortTakenError);
    if (!wasPortTaken || attempt >= START_ATTEMPTS_MAX) throw failures[0];
  }
}

async function createCluster(): Promise<ConsulCluster> {
  const numbers = await freePorts((SERVERS + 1) * PORTS_EACH);
  const ports = Array.from({ length: SERVERS + 1 }, (_, member): ConsulPorts => {
    const [http = 0, server = 0, serfLan = 0] = numbers.slice(member * PORTS_EACH);
    return { http, server, serfLan };
  });
  const servers = ports.slice(0, SERVERS);
  const retryJoin = servers.map(({ serfLan }) => `127.0.0.1:${String(serfLan)}`);
  const members = await Promise.all(
    ports.map(async (own, index) => {
      const role =
        index < SERVERS ? { bootstrap_expect: SERVERS } : { server: false, bootstrap_expect: undefined };
      const config = { ...COMMON, ...role, retry_join: retryJoin };
      return new ConsulServer(await ServerProcess.create('consul'), own, { config });
    }),
  );
  const agent = members.pop();
  if (agent === undefined) throw new Error('a cluster has an agent');
  return new ConsulCluster(members, agent);
}

/** A server that is alone knows of no leader, and one that was paused may believe in itself for a moment. */
async function toldLeader(server: ConsulServer): Promise<string | undefined> {
  try {
    const answer = await fetch(`${server.address}/v1/status/leader`, {
      signal: AbortSignal.timeout(LEADER_TIMEOUT_MS),
    });
    return (await answer.json()) as string;
  } catch {
    return undefined;
  }
}

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { DaemonControl } from '../ports/control.js';
import type { Logger } from '../ports/logger.js';
import type { Access } from './access-policy.js';
import { ApiError } from './api-error.js';
import type { BoundedCalls } from './bounded-calls.js';
import type { Metrics } from './metrics.js';
import type { RecentActivity } from './recent-activity.js';
import type { StatusFeed } from './status-feed.js';

/** One thing that the server answers. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  /** With `:name` for a variable segment. */
  readonly path: string;
  readonly access: Access;
  /** What it gives or does, in a few words. */
  readonly summary: string;
  /** Returns the body of a success; throws what is told as a failure. */
  handle(request: FastifyRequest, reply: FastifyReply): unknown;
}

/** What routes answer from. */
export interface RouteContext {
  readonly control: DaemonControl;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** The folder of the compiled program, which has the status page. */
  readonly program: URL;
  readonly activity: RecentActivity;
  readonly feed: StatusFeed;
  /** Why a request would not be given this access; undefined when it would. */
  readonly refusal: (access: Access, request: FastifyRequest) => unknown;
  /** For calls that read from the stores. */
  readonly reads: BoundedCalls;
  /** For lists of what is kept: anybody may ask for them, and must not keep out who has to read from the stores. */
  readonly lists: BoundedCalls;
  /** For calls that change something. */
  readonly changes: BoundedCalls;
}

/**
 * What a request brought, in its proper types.
 * @param where the part of the request, for the message
 * @throws ApiError `INVALID_REQUEST`, with everything that is wrong
 */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown, where: 'query' | 'body' | 'path'): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => [...issue.path, issue.message].join(': '));
  throw new ApiError('INVALID_REQUEST', `In the ${where} of the request: ${problems.join('; ')}`);
}

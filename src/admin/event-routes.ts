import { printableText } from '../core/printable-text.js';
import { errorAnswer } from './api-error.js';
import type { AdminRoute, RouteContext } from './route.js';
import { statusJson } from './status-json.js';

/** The status as it changes. */
export function eventRoutes({ feed, refusal }: RouteContext): readonly AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/events',
      access: 'read',
      summary: 'the status as server-sent events: at once, and whenever it changes',
      handle: (request, reply) => {
        if (request.method === 'HEAD') return reply.type('text/event-stream').send();
        const greeting = `event: access\ndata: ${accessText(refusal('trusted', request))}\n\n`;
        const events = feed.open(greeting);
        return reply.type('text/event-stream').send(events);
      },
    },
  ];
}

/** What the status feed sends. That time goes by is no news. */
export function statusEvent(context: Pick<RouteContext, 'control'>): { text: string; essence: string } {
  const { uptimeSeconds, ...rest } = statusJson(context.control.status());
  const essence = printableText(JSON.stringify(rest));
  return { text: printableText(JSON.stringify({ ...rest, uptimeSeconds })), essence };
}

/** Whether this client may see values and change things, and what it lacks for that. */
function accessText(refused: unknown): string {
  if (refused === undefined) return JSON.stringify({ trusted: true });
  const { error, code, hint } = errorAnswer(refused).body;
  return printableText(JSON.stringify({ trusted: false, code, error, hint }));
}

import type { LogFields, Logger } from '../ports/logger.js';

/** Logged where it is carried out, so that the end of a change that nobody waits for any more is logged too. */
export async function loggedChange(
  logger: Logger,
  fields: LogFields,
  change: () => Promise<string>,
): Promise<string> {
  try {
    const done = await change();
    logger.info(fields, `An operator's request was carried out: ${done}`);
    return done;
  } catch (err) {
    logger.warn({ ...fields, err }, "An operator's request failed.");
    throw err;
  }
}

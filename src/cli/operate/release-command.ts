import type { Environment } from '../../config/variables.js';
import { printableText } from '../../core/printable-text.js';
import type { ExplanationAnswer } from '../admin-answers.js';
import { explanationAnswer } from '../admin-answers.js';
import type { ExitCode } from '../exit-code.js';
import { CommandError, EXIT } from '../exit-code.js';
import { printableKey } from '../printable.js';
import type { Terminal } from '../terminal.js';
import type { OperateOptions } from './operation.js';
import { mappingPath, Operation } from './operation.js';
import type { ShownSide, StoreName } from './two-values.js';
import { STORE_TITLES, twoValuesLines } from './two-values.js';

export interface ReleaseOptions extends OperateOptions {
  readonly keep: StoreName;
}

/** The command `release`: ends an entry's hold by writing what one side has to the other. */
export async function releaseCommand(
  terminal: Terminal,
  environment: Environment,
  entry: { readonly mapping: string; readonly key: string },
  options: ReleaseOptions,
): Promise<ExitCode> {
  const { keep } = options;
  const { mapping, key } = entry;
  const operation = await Operation.begin(terminal, environment, options);
  await operation.mapping(mapping);
  const path = `${mappingPath(mapping)}/explain?key=${encodeURIComponent(key)}&values=true`;
  const explanation = await operation.client.get(path, explanationAnswer, { trusted: true });
  const shown = `entry ${printableKey(key)} of mapping ${printableText(mapping)}`;
  if (explanation.mark?.['kind'] !== 'hold') {
    const message = `${shown} is not held: there is nothing to release`;
    throw new CommandError(EXIT.found, `${message}. \`zk-consul-sync explain\` tells how it is`);
  }
  const sides = { zookeeper: sideNow(explanation, 'zookeeper'), consul: sideNow(explanation, 'consul') };
  operation.show(
    terminal.style(`Held as ${printableText(String(explanation.mark['reason']))}: ${shown}`, 'bold'),
    ...twoValuesLines(terminal, sides),
  );
  const text = `Let what ${STORE_TITLES[keep]} has stand on both sides?`;
  if (!(await operation.consents({ kind: 'yes-or-no', text }))) return EXIT.found;
  await operation.carryOut(mapping, 'release', { key, keep });
  return EXIT.done;
}

function sideNow(explanation: ExplanationAnswer, store: StoreName): ShownSide {
  const { state, value, writtenAt, reason } = explanation[store];
  const about = typeof writtenAt === 'string' ? `written ${writtenAt}` : '';
  if (typeof value === 'string') return { value: Buffer.from(value, 'base64'), about };
  if (state === 'absent') return { value: undefined, about: 'not there' };
  const why = typeof reason === 'string' ? `: ${reason}` : '';
  return { value: undefined, about: `${String(state)}${why}` };
}

import type { z } from 'zod';
import type { Environment } from '../../config/variables.js';
import { printableText } from '../../core/printable-text.js';
import { systemClock } from '../../daemon/system.js';
import { statusAnswer } from '../admin-answers.js';
import type { AdminClient } from '../admin-client.js';
import type { AskedOptions } from '../admin-client-for.js';
import { adminClientFor } from '../admin-client-for.js';
import type { ExitCode } from '../exit-code.js';
import { CommandError, EXIT, usageError } from '../exit-code.js';
import type { OperateOptions } from '../operate/operation.js';
import { mappingPath, Operation } from '../operate/operation.js';
import type { Terminal } from '../terminal.js';
import { cutoverAnswer } from './cutover-answer.js';
import type { CutoverAnswer } from './cutover-answer.js';
import { cutoverStatusLines, missingLines, STEP_MEANS } from './cutover-lines.js';

export interface CutoverStatusOptions extends AskedOptions {
  readonly json?: true;
  /** False with `--no-compare`. */
  readonly compare: boolean;
  /** Milliseconds. */
  readonly quietFor: number;
}

/** The command `cutover status`. Ends with 1 where something is missing for the next step. */
export async function cutoverStatusCommand(
  terminal: Terminal,
  environment: Environment,
  mapping: string | undefined,
  options: CutoverStatusOptions,
): Promise<ExitCode> {
  const client = await adminClientFor(options, environment);
  const names = mapping === undefined ? await allNames(client) : [mapping];
  const answers: CutoverAnswer[] = [];
  for (const name of names) answers.push(await look(terminal, client, name, options));
  if (options.json) terminal.printJson(mapping === undefined ? { mappings: answers } : answers[0]);
  else {
    for (const [at, answer] of answers.entries()) {
      if (at > 0) terminal.print('');
      terminal.print(...cutoverStatusLines(terminal, answer, systemClock.nowMs()));
    }
  }
  return answers.every(isClear) ? EXIT.done : EXIT.found;
}

/** Whether the next step may be taken; after the last one, whether ZooKeeper can be switched off. */
function isClear({ step, next, missing, switchOff }: CutoverAnswer): boolean {
  if (step === null) return false;
  return next === null ? switchOff.possible : missing.length === 0;
}

async function allNames(client: AdminClient): Promise<readonly string[]> {
  const { mappings }: z.output<typeof statusAnswer> = await client.get('api/v1/status', statusAnswer);
  return mappings.map(({ name }) => name);
}

async function look(
  terminal: Terminal,
  client: AdminClient,
  name: string,
  { compare, quietFor }: Pick<CutoverStatusOptions, 'compare' | 'quietFor'>,
): Promise<CutoverAnswer> {
  const progress = terminal.progress();
  if (compare) progress.show(`${printableText(name)}: comparing both sides`);
  try {
    const path = `${mappingPath(name)}/cutover?compare=${String(compare)}&quietForMs=${quietFor}`;
    return await client.get(path, cutoverAnswer, { trusted: true });
  } finally {
    progress.clear();
  }
}

export interface CutoverOptions extends OperateOptions {
  readonly to?: 'consul';
  readonly back?: true;
  readonly quietFor: number;
  readonly despiteWriters?: true;
}

/** The command `cutover MAPPING`: takes one step, after it was shown what that means. */
export async function cutoverCommand(
  terminal: Terminal,
  environment: Environment,
  name: string,
  options: CutoverOptions,
): Promise<ExitCode> {
  const { to, back, quietFor, despiteWriters } = options;
  if ((to === undefined) === (back === undefined)) {
    throw usageError('say one of both: --to consul for the next step, --back for the one before');
  }
  const operation = await Operation.begin(terminal, environment, options);
  await operation.mapping(name);
  const compare = back === undefined;
  const found = await look(terminal, operation.client, name, { compare, quietFor });
  const step = (back === undefined ? found.next : found.back) ?? nothingThere(found, back === true);
  const writersOnly = ['writers', 'not-watched-long-enough'];
  const missing = back === undefined ? found.missing : [];
  const barred = missing.filter(({ what }) => despiteWriters !== true || !writersOnly.includes(what));
  if (barred.length > 0) {
    operation.show(...missingLines(terminal, step, barred));
    return EXIT.found;
  }
  operation.show(...announcement(terminal, found, step, back === true));
  const text = `Take mapping ${printableText(name)} from ${found.step ?? ''} to ${step}?`;
  if (!(await operation.consents({ kind: 'yes-or-no', text }))) return EXIT.found;
  const body = { step, quietForMs: quietFor, despiteWriters: despiteWriters === true };
  await operation.carryOut(name, 'cutover', body);
  return EXIT.done;
}

/** @throws CommandError that says why there is no such step */
function nothingThere({ mapping, step, configured, switchOff }: CutoverAnswer, isBack: boolean): never {
  const name = `mapping ${printableText(mapping)}`;
  if (step === null) {
    throw new CommandError(
      EXIT.found,
      `${name} is written in ZooKeeper only (direction: zookeeper-to-consul): set direction: both first, so that programs can be moved one by one`,
    );
  }
  const by = configured ? ' by its configuration (direction: consul-to-zookeeper)' : '';
  const at = `${name} is at the step ${printableText(step)}${by}`;
  if (isBack) throw new CommandError(EXIT.found, `${at}: there is no step before it`);
  const after = switchOff.possible
    ? 'ZooKeeper can be switched off; then comes zk-consul-sync retire INSTANCE'
    : `zk-consul-sync cutover status ${printableText(mapping)} says when ZooKeeper can be switched off`;
  throw new CommandError(EXIT.found, `${at}, the last one: ${after}`);
}

function announcement(terminal: Terminal, found: CutoverAnswer, step: string, isBack: boolean): string[] {
  const means = STEP_MEANS[step] ?? 'a step of a newer version';
  const lines = [terminal.style(`The step ${printableText(step)}: ${means}.`, 'bold')];
  lines.push('  Everything is compared again. Nothing is deleted by the step itself; --back takes it back.');
  if (isBack && found.drifted > 0) {
    lines.push(
      `  ${found.drifted} changes that were left alone in ZooKeeper become conflicts, which Consul wins; what loses is in the journal.`,
    );
  }
  if (!isBack && step === 'zookeeper-mirror' && found.missing.length > 0) {
    lines.push(terminal.style('  Who still writes to ZooKeeper will not be heard any more:', 'red'));
    lines.push(...found.missing.map(({ detail }) => `    ${printableText(detail)}`));
  }
  return lines;
}

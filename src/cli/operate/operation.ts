import type { z } from 'zod';
import type { Environment } from '../../config/variables.js';
import { printableText } from '../../core/printable-text.js';
import type { MappingAnswer } from '../admin-answers.js';
import { changeAnswer, mappingStatusAnswer } from '../admin-answers.js';
import type { AdminClient } from '../admin-client.js';
import type { AskedOptions } from '../admin-client-for.js';
import { adminClientFor } from '../admin-client-for.js';
import { CommandError, EXIT } from '../exit-code.js';
import { shellWord } from '../printable.js';
import type { Terminal } from '../terminal.js';
import type { ConsentOptions, Question } from './consent.js';
import { consents, mustBeAskable } from './consent.js';

export interface OperateOptions extends AskedOptions, ConsentOptions {
  readonly json?: true;
}

/** A command that changes something through a running daemon: it is shown, asked for, done and told of. */
export class Operation {
  private constructor(
    readonly terminal: Terminal,
    readonly client: AdminClient,
    private readonly options: OperateOptions,
  ) {}

  /** @throws CommandError when nobody could be asked, or no daemon is named */
  static async begin(
    terminal: Terminal,
    environment: Environment,
    options: OperateOptions,
  ): Promise<Operation> {
    mustBeAskable(terminal, options);
    return new Operation(terminal, await adminClientFor(options, environment), options);
  }

  /** What a person is to see; beside the data where a program reads that. */
  show(...lines: readonly string[]): void {
    if (this.options.json === true) for (const line of lines) this.terminal.note(line);
    else this.terminal.print(...lines);
  }

  consents(question: Question): Promise<boolean> {
    return consents(this.terminal, question, this.options);
  }

  /** Makes the request, and tells what came of it. */
  async carryOut(mapping: string, action: string, body: object): Promise<void> {
    const answer = await this.client.post(`${mappingPath(mapping)}/${action}`, body, changeAnswer);
    this.tell(answer);
  }

  tell(answer: z.output<typeof changeAnswer>): void {
    if (this.options.json === true) this.terminal.printJson(answer);
    else this.terminal.print(`Done: ${printableText(answer.message)}.`);
  }

  /**
   * The mapping, of a daemon that may change it.
   * @param orNobody whether a standby may as well, while no daemon leads
   * @throws CommandError that names the daemon to ask
   */
  async mapping(name: string, orNobody = false): Promise<MappingAnswer> {
    const status = await this.client.get(mappingPath(name), mappingStatusAnswer);
    const { role, leader } = status;
    if (role !== 'standby' || (leader === null && orNobody)) return status;
    const message = `the daemon at ${this.client.shownUrl} is a standby of mapping ${name}, and changes nothing`;
    if (leader === null) {
      throw new CommandError(EXIT.found, `${message}; no daemon leads it just now: ask again when one does`);
    }
    const where = leader.admin === null ? '' : `: --admin ${shellWord(leader.admin)}`;
    throw new CommandError(EXIT.found, `${message}. Ask the one that leads it, on ${leader.host}${where}`);
  }
}

export function mappingPath(name: string): string {
  return `api/v1/mappings/${encodeURIComponent(name)}`;
}

import type { Terminal } from './terminal.js';
import { jsonText } from './terminal.js';

/**
 * Writes one JSON object with one long list, member by member, so that the list need not fit into memory. What is
 * known only at the end comes behind the list.
 */
export class JsonListWriter {
  private count = 0;

  constructor(
    private readonly terminal: Terminal,
    head: object,
    listName: string,
  ) {
    const members = jsonText(head).slice(1, -1);
    terminal.write(`{${members}${members === '' ? '' : ','}${JSON.stringify(listName)}:[`);
  }

  item(value: unknown): void {
    this.separate();
    this.terminal.write(jsonText(value));
  }

  /** An object of the list that itself has a long list. */
  nested(head: object, listName: string): JsonListWriter {
    this.separate();
    return new JsonListWriter(this.terminal, head, listName);
  }

  end(tail: object): void {
    const members = jsonText(tail).slice(1, -1);
    this.terminal.write(`${this.count === 0 ? '' : '\n'}]${members === '' ? '' : `,${members}`}}`);
  }

  private separate(): void {
    this.terminal.write(this.count++ === 0 ? '\n' : ',\n');
  }
}

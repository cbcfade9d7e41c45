/** What happens in a run, line by line: always as a fingerprint, and in full where somebody wants to read it. */
export class TraceLog {
  readonly lines: string[] = [];
  #hash = 0x811c9dc5;

  constructor(
    private readonly nowMs: () => number,
    private readonly keeps: boolean,
  ) {}

  add(line: () => string): void {
    const text = `${this.nowMs().toFixed(1).padStart(10)} ${line()}`;
    for (let i = 0; i < text.length; i++) this.#hash = Math.imul(this.#hash ^ text.charCodeAt(i), 0x01000193);
    if (this.keeps) this.lines.push(text);
  }

  /** Only for the reader: not part of the fingerprint. */
  remark(line: () => string): void {
    if (this.keeps) this.lines.push(`${this.nowMs().toFixed(1).padStart(10)} ${line()}`);
  }

  /** Equal for equal runs (FNV-1a). */
  get fingerprint(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }
}

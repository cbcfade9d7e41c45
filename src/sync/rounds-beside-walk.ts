/** How many rounds may wait, each with what a page of a walk has read, before the walk waits for them. */
const WAITING_MAX = 2;

/** Rounds that go on, one after the other, while a walk reads what the next ones are about. */
export class RoundsBesideWalk {
  private readonly underWay: Promise<void>[] = [];
  private last: Promise<void> = Promise.resolve();

  /**
   * Has `round` begin as soon as those before it are over. Resolves when there is room for another one.
   * @throws what an earlier round has thrown
   */
  async begin(round: () => Promise<void>): Promise<void> {
    const next = this.last.then(round);
    // Whoever waits for it hears of it; the rounds behind it go on by themselves.
    this.last = next.catch(() => undefined);
    this.underWay.push(next);
    if (this.underWay.length > WAITING_MAX) await this.underWay.shift();
  }

  get isBusy(): boolean {
    return this.underWay.length > 0;
  }

  /**
   * Waits until all of them are over.
   * @throws what the first one has thrown that failed
   */
  async settle(): Promise<void> {
    const endings = await Promise.allSettled(this.underWay);
    this.underWay.length = 0;
    const failed = endings.find((ending) => ending.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}

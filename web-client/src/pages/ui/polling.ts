/** Something that is asked for again and again while somebody looks: at once when they do, and so long after each answer. */

export class Polling {
  readonly #every_ms: number;
  readonly #ask: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOn = false;

  /** `ask` deals with its failures by itself. */
  constructor(every_ms: number, ask: () => Promise<void>) {
    this.#every_ms = every_ms;
    this.#ask = ask;
    document.addEventListener("visibilitychange", () => this.#isOn && !document.hidden && void this.#turn());
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  start(): void {
    this.#isOn = true;
    void this.#turn();
  }

  stop(): void {
    this.#isOn = false;
    clearTimeout(this.#timer);
  }

  async #turn(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#ask();
    // Another turn may have begun and ended meanwhile.
    clearTimeout(this.#timer);
    if (this.#isOn && !document.hidden) this.#timer = setTimeout(() => void this.#turn(), this.#every_ms);
  }
}

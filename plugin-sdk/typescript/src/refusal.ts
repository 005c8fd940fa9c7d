// A handler's way to say no.

/**
 * A refusal of one input: thrown by a handler, it is told to the sender, and nothing else happens. It is not a fault. What
 * was changed before it is thrown stays changed, so check first.
 *
 * The code is for programs, the message tells a person what to do next. With a message alone the code is `REFUSED`.
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: string;

  constructor(message: string);
  constructor(code: string, message: string);
  constructor(first: string, second?: string) {
    super(second ?? first);
    this.code = second === undefined ? "REFUSED" : first;
    if (!/^[A-Z][A-Z0-9_]{0,47}$/.test(this.code)) {
      throw new Error(
        `\`${this.code}\` is not a refusal code: use 1 to 48 of A-Z, 0-9 and _, beginning with a letter`,
      );
    }
  }
}

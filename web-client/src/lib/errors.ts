/** A refusal by the server, or by this client where it knows the answer: a code for programs, a message for people. */
export class ParlorError extends Error {
  override readonly name = "ParlorError";
  /** The code in capitals, such as `ROOM_FULL`. */
  readonly code: string;
  /** The room it is about, where there is one. */
  readonly room: string | undefined;

  constructor(code: string, message: string, room?: string) {
    super(message);
    this.code = code;
    this.room = room;
  }
}

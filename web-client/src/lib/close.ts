/** Why a connection ended: the close codes of the protocol and what each means for coming back. */

/** One close code. */
export interface CloseReason {
  readonly code: number;
  readonly name: string;
  /** Whether the client tries again by itself. */
  readonly mayReconnect: boolean;
  /** The same for a person. */
  readonly message: string;
}

const TABLE: readonly (readonly [number, string, boolean, string])[] = [
  [1000, "normal", true, "The connection was closed."],
  [1001, "going-away", true, "The server is shutting down."],
  [1002, "protocol-error", false, "This client and the server share no subprotocol; use versions that match."],
  [1003, "unsupported-data", true, "The server got text where it expects binary data, or the reverse."],
  // The browser's own word for an end without a farewell; the server never sends it.
  [1006, "connection-lost", true, "The connection was lost."],
  [1007, "invalid-text", true, "The server got text that is not UTF-8."],
  [1008, "policy-violation", true, "Too many bad frames, or a message in too many fragments."],
  [1009, "message-too-big", true, "A message was larger than the server accepts."],
  [1011, "internal-error", true, "Something broke in the server."],
  [1012, "service-restart", true, "The server is restarting."],
  [1013, "overloaded", true, "The server has more than it can do."],
  [4401, "token-required", false, "The server asks for a token; connect with one."],
  [4403, "token-refused", false, "The server does not accept this token; get a new one."],
  [4408, "too-slow", true, "The connection took too long to open, or to send a message."],
  [4409, "replaced", false, "This session went on in another window."],
  [4410, "silent", true, "The server heard nothing from this client for too long."],
  [4429, "rate-limit", true, "This client sent too much for too long."],
  [4430, "too-many-connections", true, "There are too many connections from here."],
  [4440, "slow-consumer", true, "This client read more slowly than its rooms speak."],
];

/** What a close code means; one that is not in the table is taken for a lost connection. */
export function closeReason(code: number): CloseReason {
  const row = TABLE.find(([known]) => known === code) ?? TABLE.find(([known]) => known === 1006);
  if (!row) throw new Error("the table of close codes has 1006");
  return { code, name: row[1], mayReconnect: row[2], message: row[3] };
}

/** Why a connection ended, for a person: in the server's words where it has any, and what to do about a token. */
export function explainClose(code: number, reason: string): string {
  const { message } = closeReason(code);
  if (!reason) return message;
  return code === 4401 || code === 4403 ? `${message} It says: ${reason}` : reason;
}

// Bytes as texts of the characters 0 to 255, and back. In QuickJS a loop costs some 50 times what a built-in function
// does, so that MessagePack is put together and taken apart as such a text, and turned to bytes in one call.

/** What newer JavaScript has, QuickJS among it, and Node.js 20 has not. */
interface Base64Bytes {
  fromBase64?: (text: string) => Uint8Array;
}

declare function atob(text: string): string;
declare function btoa(text: string): string;
declare function escape(text: string): string;
declare function unescape(text: string): string;

/** A function takes only so many arguments. */
const CHUNK = 4096;

const { fromBase64 } = Uint8Array as unknown as Base64Bytes;

/** The bytes of a text of the characters 0 to 255. */
export function bytesOf(binary: string): Uint8Array {
  if (fromBase64 !== undefined) return fromBase64.call(Uint8Array, btoa(binary));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** A text of the characters 0 to 255 with these codes. */
export function binaryOf(bytes: Uint8Array): string {
  if (bytes.length <= CHUNK) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  const { toBase64 } = bytes as { toBase64?: () => string };
  if (toBase64 !== undefined) return atob(toBase64.call(bytes));
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK) binary += binaryOf(bytes.subarray(at, at + CHUNK));
  return binary;
}

const IS_ASCII = /^[\x00-\x7f]*$/;

/**
 * The UTF-8 of a text.
 *
 * @throws URIError where the text has half a surrogate pair.
 */
export function toUtf8(text: string): string {
  return IS_ASCII.test(text) ? text : unescape(encodeURIComponent(text));
}

/**
 * The text of its UTF-8.
 *
 * @throws URIError where it is none.
 */
export function fromUtf8(binary: string): string {
  return IS_ASCII.test(binary) ? binary : decodeURIComponent(escape(binary));
}

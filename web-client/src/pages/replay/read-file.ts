/** Bytes of a file or an address, as text, and never more of them than a replay may have. */

import { FILE_BYTES_MAX, ReplayError, tooLarge } from "./format";

/** Reads a file that a person chose. */
export async function readFile(file: Blob): Promise<string> {
  if (file.size > FILE_BYTES_MAX) throw tooLarge();
  const bytes = await file.arrayBuffer().catch(() => {
    throw new ReplayError("The file cannot be read. Was it moved, or is it a folder?");
  });
  return textOf(bytes);
}

/** Fetches a replay from this server; from nowhere else. */
export async function fetchReplay(address: string, here: string): Promise<string> {
  const url = URL.canParse(address, here) ? new URL(address, here) : undefined;
  if (url?.origin !== new URL(here).origin)
    throw new ReplayError("Only replays of this server are fetched by address.");
  const response = await fetch(url).catch(() => undefined);
  if (!response?.ok || !response.body) {
    throw new ReplayError(`There is no replay at ${url.pathname}${response ? ` (${response.status})` : ""}.`);
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = response.body.getReader();
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- a stream is read one piece after the other
    const { done, value } = await reader.read();
    if (done) return readFile(new Blob(chunks));
    length += value.length;
    if (length > FILE_BYTES_MAX) {
      void reader.cancel();
      throw tooLarge();
    }
    chunks.push(value);
  }
}

function textOf(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ReplayError("This is not a replay: it is not text.");
  }
}

/** Where the connection stands. Each state has the fields that exist in it, and no others. */

import type { Subprotocol } from "./codecs";

export type Status =
  /** On the way, for the first time or again. */
  | { readonly status: "connecting"; readonly attempt: number }
  /** Messages flow. */
  | {
      readonly status: "open";
      readonly session: string;
      readonly subprotocol: Subprotocol;
      readonly server: string;
      /** The session from before went on. */
      readonly isResumed: boolean;
    }
  /** The connection is lost; the client tries again by itself. */
  | {
      readonly status: "away";
      readonly attempt: number;
      readonly retry_in_ms: number;
      readonly code: number;
      /** The likely cause, for a person. */
      readonly message: string;
    }
  /** It is over, unless `reconnect` is called. */
  | { readonly status: "closed"; readonly code: number; readonly name: string; readonly message: string };

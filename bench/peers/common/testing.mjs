// What tests of the servers have in common: a server that runs in a process of its own, and a client of the plain WebSocket
// servers that looks at all that it gets.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts a server and waits for the line in which it says where it listens: `NAME listening on URL`. */
export async function start(name, program, args) {
  const child = spawn(program, args, {
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ready = `${name} listening on `;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith(ready)) return { url: line.slice(ready.length), stop: () => stop(child) };
  }
  throw new Error(`${name} ended before it listened`);
}

function stop(child) {
  const ended = new Promise((done) => child.once("exit", done));
  child.kill();
  return ended;
}

/** Messages in the order in which they came, each to be taken once. */
export class Inbox {
  #messages = [];
  #waiting = [];

  put(message) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#messages.push(message);
  }

  /** The next one, which has come or will come. */
  next() {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift());
    return new Promise((done) => this.#waiting.push(done));
  }

  /** All up to the first that satisfies `isLast`, that one included. */
  async upTo(isLast) {
    const messages = [];
    do messages.push(await this.next());
    while (!isLast(messages.at(-1)));
    return messages;
  }
}

/** A connection, with what comes on it as it came: a string, or bytes. */
export class Wire {
  inbox = new Inbox();

  static async open(url) {
    const wire = new Wire();
    wire.socket = new WebSocket(url);
    wire.socket.binaryType = "arraybuffer";
    wire.socket.onmessage = ({ data }) => wire.inbox.put(typeof data === "string" ? data : Buffer.from(data));
    /** With which code the connection was closed, once it is. */
    wire.closed = new Promise((done) => (wire.socket.onclose = ({ code }) => done(code)));
    await new Promise((done, failed) => ([wire.socket.onopen, wire.socket.onerror] = [done, failed]));
    return wire;
  }

  send(data) {
    this.socket.send(data);
  }

  next() {
    return this.inbox.next();
  }

  close() {
    this.socket.close();
    return this.closed;
  }
}

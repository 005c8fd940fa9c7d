// Writes `src/wit.ts`, the types of the contract, from `wit/room.wit`; with `--check` only says whether it is up to date.
//
// It knows the part of WIT that the contract uses, and how componentize-qjs shows each type to JavaScript: names in camel
// case, 64-bit integers as numbers, options as `T | null`, variants as `{ tag, val }`, enums as texts. It stops at
// anything else.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { witFile } from "./places.mjs";

const OUTPUT = fileURLToPath(new URL("../src/wit.ts", import.meta.url));
const SCALARS = {
  bool: "boolean",
  u8: "number",
  u32: "number",
  u64: "number",
  f64: "number",
  string: "string",
};

const text = generate(readFileSync(witFile(), "utf8"));
if (!process.argv.includes("--check")) {
  writeFileSync(OUTPUT, text);
} else if (readFileSync(OUTPUT, "utf8") !== text) {
  console.error("src/wit.ts is not what wit/room.wit says; type: npm run types");
  process.exitCode = 1;
}

/** The TypeScript of a WIT file. */
function generate(wit) {
  const tokens = tokenize(wit);
  const output = [
    "// Made from wit/room.wit by `npm run types`; do not edit. These are the shapes that cross the boundary.\n",
  ];
  let doc = [];
  for (;;) {
    const token = tokens.shift();
    if (token === undefined) return output.join("\n");
    if (token.startsWith("///")) doc.push(token.slice(3).trim());
    else if (token === "package" || token === "use") {
      skipTo(tokens, ";");
      doc = [];
    } else if (token === "interface") {
      interfaceOf(tokens, doc, output);
      doc = [];
    } else if (token === "world") {
      skipTo(tokens, "}");
      doc = [];
    } else throw new Error(`unexpected: ${token}`);
  }
}

/** Texts of the tokens; a documentation comment is one token. */
function tokenize(wit) {
  const pattern = /\/\/\/[^\n]*|\/\/[^\n]*|->|%?[A-Za-z][\w-]*|[{}()<>,:;=@./]|\d[\d.]*|_|\s+/gy;
  const tokens = [];
  let at = 0;
  for (const [token] of wit.matchAll(pattern)) {
    at += token.length;
    if (token.trim() === "" || (token.startsWith("//") && !token.startsWith("///"))) continue;
    tokens.push(token.startsWith("%") ? token.slice(1) : token);
  }
  if (at !== wit.length) throw new Error(`cannot read: ${wit.slice(at, at + 40)}`);
  return tokens;
}

/** One interface: its types as they are, its functions as one TypeScript interface of its name. */
function interfaceOf(tokens, doc, output) {
  const name = tokens.shift();
  expect(tokens, "{");
  const functions = [];
  let itemDoc = [];
  for (;;) {
    const token = tokens.shift();
    if (token === "}") break;
    if (token.startsWith("///")) {
      itemDoc.push(token.slice(3).trim());
      continue;
    }
    if (token === "use") skipTo(tokens, ";");
    else if (token === "type") output.push(comment(itemDoc) + aliasOf(tokens));
    else if (token === "record") output.push(comment(itemDoc) + recordOf(tokens));
    else if (token === "enum") output.push(enumOf(tokens, itemDoc));
    else if (token === "variant") output.push(variantOf(tokens, itemDoc));
    else functions.push(comment(itemDoc, "  ") + functionOf(token, tokens));
    itemDoc = [];
  }
  if (functions.length > 0) {
    output.push(`${comment(doc)}export interface ${pascal(name)} {\n${functions.join("")}}\n`);
  }
}

function aliasOf(tokens) {
  const name = pascal(tokens.shift());
  expect(tokens, "=");
  const type = typeOf(tokens);
  expect(tokens, ";");
  return `export type ${name} = ${type};\n`;
}

function recordOf(tokens) {
  const name = pascal(tokens.shift());
  let fields = "";
  for (const { doc, name: field } of items(tokens)) {
    expect(tokens, ":");
    fields += `${comment(doc, "  ")}  readonly ${camel(field)}: ${typeOf(tokens)};\n`;
  }
  return `export interface ${name} {\n${fields}}\n`;
}

function enumOf(tokens, doc) {
  const name = pascal(tokens.shift());
  let cases = "";
  const lines = [];
  for (const { doc: caseDoc, name: text } of items(tokens)) {
    cases += ` | "${text}"`;
    if (caseDoc.length > 0) lines.push(`- \`${text}\`: ${caseDoc.join(" ")}`);
  }
  if (lines.length > 0) lines.unshift("");
  return `${comment([...doc, ...lines])}export type ${name} =${cases.slice(2)};\n`;
}

function variantOf(tokens, doc) {
  const name = pascal(tokens.shift());
  let cases = "";
  for (const { doc: caseDoc, name: tag } of items(tokens)) {
    cases += comment(caseDoc, "  ");
    if (tokens[0] === "(") {
      tokens.shift();
      cases += `  | { tag: "${tag}"; val: ${typeOf(tokens)} }\n`;
      expect(tokens, ")");
    } else cases += `  | { tag: "${tag}" }\n`;
  }
  return `${comment(doc)}export type ${name} =\n${cases.trimEnd()};\n`;
}

function functionOf(name, tokens) {
  expect(tokens, ":");
  expect(tokens, "func");
  expect(tokens, "(");
  const parameters = [];
  while (tokens[0] !== ")") {
    const parameter = camel(tokens.shift());
    expect(tokens, ":");
    parameters.push(`${parameter}: ${typeOf(tokens)}`);
    if (tokens[0] === ",") tokens.shift();
  }
  tokens.shift();
  let result = "void";
  if (tokens[0] === "->") {
    tokens.shift();
    result = tokens[0] === "result" ? thrownResult(tokens) : typeOf(tokens);
  }
  expect(tokens, ";");
  return `  ${camel(name)}(${parameters.join(", ")}): ${result};\n`;
}

/** A function's own result: its value is returned, its error is thrown. */
function thrownResult(tokens) {
  expect(tokens, "result");
  expect(tokens, "<");
  const value = typeOf(tokens);
  expect(tokens, ",");
  typeOf(tokens);
  expect(tokens, ">");
  return value;
}

function typeOf(tokens) {
  const token = tokens.shift();
  if (token === "_") return "void";
  if (token in SCALARS) return SCALARS[token];
  if (token === "list") {
    const item = argumentsOf(tokens)[0];
    if (item === "number" && tokens.lastItem === "u8") return "Uint8Array";
    return item.includes("|") ? `(${item})[]` : `${item}[]`;
  }
  if (token === "option") return `${argumentsOf(tokens)[0]} | null`;
  if (token === "tuple") return `[${argumentsOf(tokens).join(", ")}]`;
  if (token === "result") {
    const [ok, err] = argumentsOf(tokens);
    return `{ tag: "ok"; val: ${ok} } | { tag: "err"; val: ${err} }`;
  }
  return pascal(token);
}

function argumentsOf(tokens) {
  expect(tokens, "<");
  const types = [];
  do {
    tokens.lastItem = tokens[0];
    types.push(typeOf(tokens));
  } while (tokens.shift() === ",");
  return types;
}

/** The items between braces, each with its documentation; the caller reads what follows the name. */
function* items(tokens) {
  expect(tokens, "{");
  let doc = [];
  for (;;) {
    const token = tokens.shift();
    if (token === "}") return;
    if (token === ",") continue;
    if (token.startsWith("///")) doc.push(token.slice(3).trim());
    else {
      yield { doc, name: token };
      doc = [];
    }
  }
}

function comment(lines, indent = "") {
  if (lines.length === 0) return "";
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  const body = lines.map((line) => `${indent} *${line === "" ? "" : ` ${line}`}\n`).join("");
  return `${indent}/**\n${body}${indent} */\n`;
}

function skipTo(tokens, end) {
  while (tokens.shift() !== end);
}

function expect(tokens, expected) {
  const token = tokens.shift();
  if (token !== expected) throw new Error(`${expected} was expected, and ${token} came`);
}

function camel(name) {
  return name.replace(/-(\w)/g, (_, first) => first.toUpperCase());
}

function pascal(name) {
  const text = camel(name);
  return text[0].toUpperCase() + text.slice(1);
}

// JSON-RPC to the node that served this page, and the forms of what it answers.

let nextId = 1;

/** An answer of the node that says why it refuses. */
export class RPCError extends Error {}

/** The node cannot be reached, or what answers is no node. */
export class Unreachable extends Error {}

/** The result of a method; raises RPCError or Unreachable. */
export async function rpc(method, ...params) {
  const request = { jsonrpc: "2.0", id: nextId++, method, params };
  let answer;
  try {
    const response = await fetch("/", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(request),
    });
    answer = await response.json();
  } catch (error) {
    throw new Unreachable(
      `The node does not answer (${error.message}). Is it running? This page keeps asking.`);
  }
  if (answer.error) throw new RPCError(answer.error.message);
  return answer.result;
}

/** A number with thin separators: 61,706. */
export function count(value) {
  return Number(value).toLocaleString("en-US");
}

/** The start and the end of a long hexadecimal text. */
export function short(hex) {
  return hex.length > 14 ? `${hex.slice(0, 8)}…${hex.slice(-4)}` : hex;
}

/** Bytes in a unit that people read. */
export function bytes(value) {
  if (value < 10_000) return `${count(value)} bytes`;
  return value < 1_000_000 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** Bytes as 0x and two digits each. */
export function hex(content) {
  return "0x" + Array.from(content, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** An element with properties and children; text is never read as markup. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-") || name === "role" || name === "scope") {
      made.setAttribute(name, value);
    } else if (name === "data") {
      Object.assign(made.dataset, value);
    } else {
      made[name] = value;
    }
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** The element with an id. */
export function byId(id) {
  return document.getElementById(id);
}

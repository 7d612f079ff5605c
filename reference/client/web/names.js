// Namespaces: as text (a/b/c with percent escapes), as bytes (each field behind its length).

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a text with percent escapes, which may be no UTF-8. */
function unescapeBytes(text) {
  const from = encoder.encode(text);
  const out = [];
  for (let i = 0; i < from.length; ++i) {
    const digits = from[i] === 0x25 ? decoder.decode(from.subarray(i + 1, i + 3)) : "";
    if (/^[0-9a-fA-F]{2}$/.test(digits)) {
      out.push(parseInt(digits, 16));
      i += 2;
    } else {
      out.push(from[i]);
    }
  }
  return Uint8Array.from(out);
}

function escapeBytes(bytes) {
  let out = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    out += /[A-Za-z0-9_.~:@-]/.test(char) ? char
      : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
  }
  return out;
}

/** A namespace from its text; the empty text is the empty namespace. */
export function parseNamespace(text) {
  const fields = text === "" ? [] : text.split("/").filter((f) => f !== "").map(unescapeBytes);
  return joinFields(fields);
}

export function joinFields(fields) {
  const out = new Uint8Array(fields.reduce((sum, field) => sum + 2 + field.length, 0));
  let at = 0;
  for (const field of fields) {
    out[at] = field.length >> 8;
    out[at + 1] = field.length & 0xff;
    out.set(field, at + 2);
    at += 2 + field.length;
  }
  return out;
}

export function splitFields(space) {
  const fields = [];
  for (let at = 0; at + 2 <= space.length;) {
    const size = space[at] * 256 + space[at + 1];
    fields.push(space.subarray(at + 2, at + 2 + size));
    at += 2 + size;
  }
  return fields;
}

/** The text of a namespace, fit for a path. */
export const formatNamespace = (space) => splitFields(space).map(escapeBytes).join("/");

/** The same for people: what is UTF-8 is shown as such. */
export function showNamespace(space) {
  return splitFields(space).map((field) => {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(field);
    } catch {
      return escapeBytes(field);
    }
  }).join(" / ");
}

export const sameBytes = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

// htmx's parsers. What they parse came from this site, since htmx asks no other (selfRequestsOnly).
import { policy } from "./trusted-types.js";

const fragments = policy("fragments", { createHTML: (text) => text });

/** @param {string} text */
const trusted = (text) => fragments.createHTML?.(text) ?? text;

class TrustingParser extends DOMParser {
  /** @override @param {string} text @param {DOMParserSupportedType} type */
  parseFromString(text, type) {
    return super.parseFromString(trusted(text), type);
  }
}

// Taken apart here, since build.mjs puts our function in place of `Document.parseHTMLUnsafe`.
const { parseHTMLUnsafe } = Document;

/** @param {string} text */
export const parseTrustedPage = (text) => parseHTMLUnsafe.call(Document, trusted(text));

// esbuild puts these in place of the names that htmx uses (`inject` and `define` in build.mjs).
export { TrustingParser as DOMParser };

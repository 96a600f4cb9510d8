// Format, size and animation of an image file, read from its first bytes: the server's own rules.

import { mebibytes } from "./format.js";

/**
 * @typedef {{bytes: number, pixels: number, webpPixels: number, keptPixels: number, side: number}}
 *   Limits
 */
/** @typedef {{width: number, height: number, animated?: boolean}} Header */
/**
 * @typedef {object} Reader
 * @property {string} name
 * @property {(bytes: Uint8Array) => boolean} matches
 * @property {(view: DataView) => Header | null} read null where the header is damaged
 */

const ACCEPTED = "An image must be a JPEG, PNG, WebP, GIF, BMP, HEIC or AVIF file.";
const WHOLE = "An image file must be whole and readable.";
const SAVE_AS = "Save it as JPEG or PNG and choose that.";
const ONE_FRAME = "Choose one frame of it.";
const CHOOSE_IMAGE = "Choose the image itself.";
const NO_IMAGES = ["a ZIP archive", "a web page"];
const SMALLER = "Make it smaller and choose it again.";
const TRANSPARENT = "auxiliary:alpha"; // Chromium takes its full range for a limited one
const AGAIN = "Export it again and choose the new file.";

/** An image that was not accepted: the rule, what was received, and what to do. */
export class ImageRefused extends Error {
  /**
   * @param {string} rule
   * @param {string} received
   * @param {string} remedy
   * @param {boolean} [isReadBySite] whether the server reads such a file
   */
  constructor(rule, received, remedy, isReadBySite = false) {
    super(`${rule} Received: ${received}. ${remedy}`);
    this.isReadBySite = isReadBySite;
    this.name = "ImageRefused";
    this.rule = rule;
    this.received = received;
    this.remedy = remedy;
  }
}

/** @param {string} received */
export const brokenFile = (received) => new ImageRefused(WHOLE, received, AGAIN);

export const unreadableFile = () =>
  new ImageRefused(
    "A browser must be allowed to open an image file.",
    "a folder, or a file that was moved, deleted or locked",
    "Choose the file itself again.",
  );

/**
 * Check a file against the site's limits before any of it is decoded. Returns its format.
 * @param {Uint8Array} bytes
 * @param {Limits} limits
 */
export function checkImage(bytes, limits) {
  if (!bytes.length) {
    throw new ImageRefused("An image file must not be empty.", "0 bytes", "Choose a file.");
  }
  if (bytes.length > limits.bytes) {
    const rule = `An image must be at most ${limits.bytes / 2 ** 20} MiB.`;
    throw new ImageRefused(rule, mebibytes(bytes.length), SMALLER);
  }
  const reader = readerOf(bytes);
  if (!reader) throw refusedFormat(bytes);
  if (isAvif(bytes) && startText(bytes).includes(TRANSPARENT)) {
    throw readBySite("AVIF files with transparency", "one");
  }
  const header = readHeader(bytes);
  if (!header) {
    throw brokenFile(
      `${reader.name === "AVIF" ? "an" : "a"} ${reader.name} file with a damaged start`,
    );
  }
  const { width, height, animated } = header;
  const size = `${width} × ${height}`;
  if (width * height > limits.pixels) {
    const rule = `An image must have at most ${limits.pixels / 1e6} million pixels.`;
    throw new ImageRefused(rule, size, SMALLER);
  }
  if (reader.name === "WebP" && width * height > limits.webpPixels) {
    const rule = `A WebP image must have at most ${limits.webpPixels / 1e6} million pixels.`;
    throw new ImageRefused(rule, size, SMALLER);
  }
  if (Math.max(width, height) > limits.side) {
    const rule = `An image must be at most ${limits.side.toLocaleString("en")} pixels wide and high.`;
    throw new ImageRefused(rule, size, SMALLER);
  }
  if (animated) {
    throw new ImageRefused("An image must not be animated.", "an animation", ONE_FRAME);
  }
  return reader.name;
}

/** What else people choose, by name: the server's own list. @type {[string, (bytes: Uint8Array) => boolean][]} */
const OTHER_FORMATS = [
  ["a TIFF file", (bytes) => hasText(bytes, 0, "II*\0") || hasText(bytes, 0, "MM\0*")],
  ["a PDF file", (bytes) => hasText(bytes, 0, "%PDF")],
  ["an SVG file", (bytes) => startText(bytes).includes("<svg")],
  ["an icon file", (bytes) => hasText(bytes, 0, "\0\0\x01\0")],
  ["a JPEG 2000 file", (bytes) => hasText(bytes, 4, "jP  ")],
  ["a JPEG XL file", (bytes) => hasText(bytes, 0, "\xff\x0a") || hasText(bytes, 4, "JXL ")],
  ["a Photoshop file", (bytes) => hasText(bytes, 0, "8BPS")],
  ["a video", (bytes) => hasText(bytes, 4, "ftyp") || hasText(bytes, 0, "\x1aE\xdf\xa3")],
  ["a ZIP archive", (bytes) => hasText(bytes, 0, "PK\x03\x04")],
  ["a web page", (bytes) => startText(bytes).includes("<html")],
];

/** @param {Uint8Array} bytes */
function refusedFormat(bytes) {
  if (isHeic(bytes)) return readBySite("HEIC files", "a HEIC file");
  const format = OTHER_FORMATS.find(([, matches]) => matches(bytes));
  const received = format?.[0] ?? "a file that is none of these";
  if (received === "a video") return new ImageRefused(ACCEPTED, received, ONE_FRAME);
  const isImage = format && !NO_IMAGES.includes(received);
  return new ImageRefused(ACCEPTED, received, isImage ? SAVE_AS : CHOOSE_IMAGE);
}

/** @param {string} files @param {string} received */
function readBySite(files, received) {
  const rule = `${files} are read by this site, not in the browser.`;
  const remedy = "Send it to this site, or save it as JPEG or PNG and choose that.";
  return new ImageRefused(rule, received, remedy, true);
}

/** @param {Uint8Array} bytes */
const startText = (bytes) => String.fromCharCode(...bytes.subarray(0, 4096)).toLowerCase();

/** The brands of a file of boxes, as HEIC and AVIF are. @param {Uint8Array} bytes */
function brandsOf(bytes) {
  if (!hasText(bytes, 4, "ftyp")) return "";
  const end = Math.min(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), 256);
  return String.fromCharCode(...bytes.subarray(8, end));
}

/** @param {Uint8Array} bytes */
const isAvif = (bytes) => /avif|avis/.test(brandsOf(bytes));

/** @param {Uint8Array} bytes */
const isHeic = (bytes) => /^(hei|hev|mif)/.test(brandsOf(bytes));

/**
 * Size and animation of an image; null where the header is damaged or the format has no reader.
 * @param {Uint8Array} bytes
 * @returns {{width: number, height: number, animated: boolean} | null}
 */
export function readHeader(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const header = readerOf(bytes)?.read(view);
    return header?.width && header.height ? { animated: false, ...header } : null;
  } catch (problem) {
    if (problem instanceof RangeError) return null; // the file ends inside its header
    throw problem;
  }
}

/** @param {Uint8Array} bytes */
const readerOf = (bytes) => READERS.find(({ matches }) => matches(bytes));

/** @param {DataView} view @param {number} at @param {number} length */
const textAt = (view, at, length) =>
  String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, length));

/** @type {Reader[]} */
const READERS = [
  { name: "JPEG", matches: (bytes) => startsWith(bytes, 0xff, 0xd8, 0xff), read: jpeg },
  {
    name: "PNG",
    matches: (bytes) => startsWith(bytes, 137, 80, 78, 71, 13, 10, 26, 10),
    read: png,
  },
  {
    name: "WebP",
    matches: (bytes) => hasText(bytes, 0, "RIFF") && hasText(bytes, 8, "WEBP"),
    read: webp,
  },
  {
    name: "GIF",
    matches: (bytes) => hasText(bytes, 0, "GIF87a") || hasText(bytes, 0, "GIF89a"),
    read: gif,
  },
  { name: "AVIF", matches: isAvif, read: avif },
  { name: "BMP", matches: (bytes) => hasText(bytes, 0, "BM"), read: bmp },
];

/** @param {Uint8Array} bytes @param {number[]} start */
function startsWith(bytes, ...start) {
  return start.every((value, n) => bytes[n] === value);
}

/** @param {Uint8Array} bytes @param {number} at @param {string} text */
function hasText(bytes, at, text) {
  return [...text].every((letter, n) => bytes[at + n] === letter.charCodeAt(0));
}

/** @param {DataView} view */
function jpeg(view) {
  for (let at = 2; at < view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) {
      at += 1; // a stray byte
      continue;
    }
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1; // padding
    } else if (marker < 2 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 2; // no length follows
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    } else if (marker >= 0xd8 && marker <= 0xda) {
      return null; // the image starts or ends without a size
    } else {
      at += 2 + Math.max(2, view.getUint16(at + 2));
    }
  }
  return null;
}

/** @param {DataView} view */
function png(view) {
  const size = { width: view.getUint32(16), height: view.getUint32(20) };
  for (let at = 8; at + 8 <= view.byteLength; at += 12 + view.getUint32(at)) {
    const chunk = textAt(view, at + 4, 4);
    if (chunk === "acTL") return { ...size, animated: view.getUint32(at + 8) > 1 };
    if (chunk === "IDAT") break;
  }
  return size;
}

/** @param {DataView} view */
function webp(view) {
  switch (textAt(view, 12, 4)) {
    case "VP8 ":
      return {
        width: view.getUint16(26, true) & 0x3fff,
        height: view.getUint16(28, true) & 0x3fff,
      };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    }
    case "VP8X": {
      /** @param {number} at */
      const side = (at) => 1 + (view.getUint16(at, true) | (view.getUint8(at + 2) << 16));
      let frames = 0;
      for (let at = 12; at + 8 <= view.byteLength; ) {
        if (textAt(view, at, 4) === "ANMF") frames += 1;
        const length = view.getUint32(at + 4, true);
        at += 8 + length + (length % 2);
      }
      return { width: side(24), height: side(27), animated: frames > 1 };
    }
    default:
      return null;
  }
}

/** @param {DataView} view */
function gif(view) {
  let width = view.getUint16(6, true);
  let height = view.getUint16(8, true);
  /** @param {number} flags */
  const colourTable = (flags) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let at = 13 + colourTable(view.getUint8(10));
  let frames = 0;
  const skipBlocks = () => {
    while (at < view.byteLength && view.getUint8(at)) at += 1 + view.getUint8(at);
    at += 1;
  };
  while (at < view.byteLength) {
    const kind = view.getUint8(at);
    if (kind === 0x21) {
      at += 2;
      skipBlocks();
    } else if (kind === 0x2c) {
      frames += 1;
      if (at + 9 >= view.byteLength) break;
      if (frames === 1) {
        width = Math.max(width, view.getUint16(at + 1, true) + view.getUint16(at + 5, true));
        height = Math.max(height, view.getUint16(at + 3, true) + view.getUint16(at + 7, true));
      }
      at += 11 + colourTable(view.getUint8(at + 9));
      skipBlocks();
    } else break;
  }
  return { width, height, animated: frames > 1 };
}

/** @param {DataView} view */
function bmp(view) {
  if (view.getUint32(14, true) === 12) {
    return { width: view.getUint16(18, true), height: view.getUint16(20, true) };
  }
  return { width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) };
}

/** The largest of the images inside: tiles and thumbnails are smaller. @param {DataView} view */
function avif(view) {
  const start = new Uint8Array(view.buffer, view.byteOffset, Math.min(view.byteLength, 2 ** 16));
  let size = { width: 0, height: 0 };
  for (let at = 0; at + 4 <= start.length; at += 1) {
    if (!hasText(start, at, "ispe")) continue;
    const width = view.getUint32(at + 8);
    const height = view.getUint32(at + 12);
    if (width * height > size.width * size.height) size = { width, height };
    at += 15;
  }
  return { ...size, animated: textAt(view, 8, 4) === "avis" };
}

// What an image file says of itself, read from its first bytes: the same rules as the server's.

const ACCEPTED = "An image must be a JPEG, PNG, WebP, GIF or BMP file.";
const WHOLE = "An image file must be whole and readable.";
const SAVE_AS = "Save it as JPEG or PNG and choose that.";
const SMALLER = "Make it smaller and choose it again.";
const AGAIN = "Export it again and choose the new file.";

/** An image that was not accepted: the rule, what came instead, and what to do now. */
export class Refused extends Error {
  constructor(rule, received, wayOut) {
    super(`${rule} Received: ${received}. ${wayOut}`);
    Object.assign(this, { name: "Refused", rule, received, wayOut });
  }
}

export const broken = (received) => new Refused(WHOLE, received, AGAIN);

/** Check a file against the site's limits before anything of it is decoded. */
export function check(bytes, limits) {
  if (!bytes.length)
    throw new Refused("An image file must not be empty.", "0 bytes", "Choose a file.");
  if (bytes.length > limits.bytes) {
    const rule = `An image must be at most ${limits.bytes / 2 ** 20} MiB.`;
    throw new Refused(rule, `${(bytes.length / 2 ** 20).toFixed(1)} MiB`, SMALLER);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = READERS.find(({ starts }) => starts(bytes));
  if (!reader) throw new Refused(ACCEPTED, "a file that is none of these", SAVE_AS);
  let found;
  try {
    found = reader.read(view);
  } catch (problem) {
    if (!(problem instanceof RangeError)) throw problem;
  }
  if (!found?.width || !found.height) throw broken(`a ${reader.name} file with a damaged start`);
  const { width, height, animated } = found;
  const size = `${width} × ${height}`;
  if (width * height > limits.pixels) {
    const rule = `An image must have at most ${limits.pixels / 1e6} million pixels.`;
    throw new Refused(rule, size, SMALLER);
  }
  if (Math.max(width, height) > limits.side) {
    const rule = `An image must be at most ${limits.side.toLocaleString("en")} pixels wide and high.`;
    throw new Refused(rule, size, SMALLER);
  }
  if (animated) {
    throw new Refused("An image must not be animated.", "an animation", "Choose one frame of it.");
  }
  return reader.name;
}

const text = (view, at, length) =>
  String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, length));

const READERS = [
  { name: "JPEG", starts: (b) => b[0] === 0xff && b[1] === 0xd8 && b[2] === 0xff, read: jpeg },
  {
    name: "PNG",
    starts: (b) => [137, 80, 78, 71, 13, 10, 26, 10].every((v, n) => b[n] === v),
    read: png,
  },
  { name: "WebP", starts: (b) => ascii(b, 0, "RIFF") && ascii(b, 8, "WEBP"), read: webp },
  { name: "GIF", starts: (b) => ascii(b, 0, "GIF87a") || ascii(b, 0, "GIF89a"), read: gif },
  { name: "BMP", starts: (b) => ascii(b, 0, "BM"), read: bmp },
];

function ascii(bytes, at, word) {
  return [...word].every((letter, n) => bytes[at + n] === letter.charCodeAt(0));
}

function jpeg(view) {
  for (let at = 2; at < view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff)
      at += 1; // padding
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    } else at += 2 + view.getUint16(at + 2);
  }
  return null;
}

function png(view) {
  const found = { width: view.getUint32(16), height: view.getUint32(20) };
  for (let at = 8; at + 8 <= view.byteLength; at += 12 + view.getUint32(at)) {
    const chunk = text(view, at + 4, 4);
    if (chunk === "acTL") return { ...found, animated: view.getUint32(at + 8) > 1 };
    if (chunk === "IDAT") break;
  }
  return found;
}

function webp(view) {
  switch (text(view, 12, 4)) {
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
      const side = (at) => 1 + (view.getUint16(at, true) | (view.getUint8(at + 2) << 16));
      return { width: side(24), height: side(27), animated: Boolean(view.getUint8(20) & 2) };
    }
    default:
      return null;
  }
}

function gif(view) {
  const found = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  const table = (flags) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let at = 13 + table(view.getUint8(10));
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
      at += 11 + table(view.getUint8(at + 9));
      skipBlocks();
    } else break;
  }
  return { ...found, animated: frames > 1 };
}

function bmp(view) {
  if (view.getUint32(14, true) === 12) {
    return { width: view.getUint16(18, true), height: view.getUint16(20, true) };
  }
  return { width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) };
}

// What browsers make of a file and the server does not, or the other way round, is settled here.

const COLOUR_HINTS = ["gAMA", "cHRM", "cICP"]; // the server goes by a whole profile, or by none
const UPRIGHT = 1;
const ORIENTATION = 0x0112;
// By EXIF orientation: what [a, b, c, d] of a canvas makes the picture upright.
const TURNS = {
  2: [-1, 0, 0, 1],
  3: [-1, 0, 0, -1],
  4: [1, 0, 0, -1],
  5: [0, 1, 1, 0],
  6: [0, 1, -1, 0],
  7: [0, -1, -1, 0],
  8: [0, -1, 1, 0],
};

/** The file as it is to be decoded, and how the picture is to be turned then. */
export function alike(blob, bytes, format) {
  if (format === "PNG") return { blob: withoutColourHints(blob, bytes), turn: UPRIGHT };
  if (format === "WebP") return turnedWebp(blob, bytes);
  return { blob, turn: UPRIGHT };
}

/** A bitmap turned upright. */
export function upright(bitmap, turn) {
  const matrix = TURNS[turn];
  if (!matrix) return bitmap;
  const { width, height } = bitmap;
  const [across, down] = turn > 4 ? [height, width] : [width, height];
  const canvas = new OffscreenCanvas(across, down);
  const pen = canvas.getContext("2d", { colorSpace: "srgb" });
  pen.translate(across / 2, down / 2);
  pen.transform(...matrix, 0, 0);
  pen.drawImage(bitmap, -width / 2, -height / 2);
  bitmap.close();
  return canvas.transferToImageBitmap();
}

function writeText(view, at, text) {
  for (let n = 0; n < text.length; n += 1) view.setUint8(at + n, text.charCodeAt(n));
}

const word = (bytes, at) => String.fromCharCode(...bytes.subarray(at, at + 4));

function withoutColourHints(blob, bytes) {
  const view = new DataView(bytes.buffer);
  const kept = [blob.slice(0, 8)];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const next = at + 12 + view.getUint32(at);
    const chunk = word(bytes, at + 4);
    if (chunk === "IDAT") {
      kept.push(blob.slice(at));
      break;
    }
    if (!COLOUR_HINTS.includes(chunk)) kept.push(blob.slice(at, next));
    at = next;
  }
  return new Blob(kept, { type: "image/png" });
}

/** Not every browser turns a WebP file by its EXIF: none is let, and it is turned here. */
function turnedWebp(blob, bytes) {
  const view = new DataView(bytes.buffer);
  const kept = [];
  let turn = UPRIGHT;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    const next = at + 8 + length + (length % 2);
    if (word(bytes, at) === "EXIF") turn = orientation(bytes.subarray(at + 8, at + 8 + length));
    else kept.push(blob.slice(at, next));
    at = next;
  }
  if (turn === UPRIGHT) return { blob, turn };
  const size = kept.reduce((sum, part) => sum + part.size, 4);
  const head = new DataView(new ArrayBuffer(12));
  writeText(head, 0, "RIFF");
  head.setUint32(4, size, true);
  writeText(head, 8, "WEBP");
  return { blob: new Blob([head, ...kept], { type: "image/webp" }), turn };
}

/** The orientation that EXIF, a TIFF file, gives in its first directory. */
function orientation(exif) {
  const start = word(exif, 0) === "Exif" ? 6 : 0;
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
  try {
    const little = view.getUint16(0) === 0x4949;
    const first = view.getUint32(4, little);
    for (let n = 0; n < view.getUint16(first, little); n += 1) {
      const entry = first + 2 + 12 * n;
      if (view.getUint16(entry, little) === ORIENTATION) return view.getUint16(entry + 8, little);
    }
  } catch {
    // A broken EXIF must not cost the picture.
  }
  return UPRIGHT;
}

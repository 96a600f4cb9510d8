// Browsers and the server decode some files differently. The differences are removed here.

const COLOUR_HINTS = ["gAMA", "cHRM", "cICP"]; // the server reads a whole colour profile or none
const UPRIGHT = 1;
const ORIENTATION = 0x0112;

/**
 * By EXIF orientation: the [a, b, c, d] of a canvas transform that turns the image upright.
 * @type {Record<number, [number, number, number, number]>}
 */
const TRANSFORMS = {
  2: [-1, 0, 0, 1],
  3: [-1, 0, 0, -1],
  4: [1, 0, 0, -1],
  5: [0, 1, 1, 0],
  6: [0, 1, -1, 0],
  7: [0, -1, -1, 0],
  8: [0, -1, 1, 0],
};

/**
 * The file to hand to the browser's decoder, and the orientation that is left to apply afterwards.
 * @param {Blob} blob
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} format
 */
export function prepareFile(blob, bytes, format) {
  if (format === "PNG") return { blob: withoutColourHints(blob, bytes), orientation: UPRIGHT };
  if (format === "WebP") return withoutExif(blob, bytes);
  return { blob, orientation: UPRIGHT };
}

/**
 * A bitmap turned upright.
 * @param {ImageBitmap} bitmap
 * @param {number} orientation
 */
export function turnUpright(bitmap, orientation) {
  const transform = TRANSFORMS[orientation];
  if (!transform) return bitmap;
  const { width, height } = bitmap;
  const [across, down] = orientation > 4 ? [height, width] : [width, height];
  const canvas = new OffscreenCanvas(across, down);
  const context = canvasContext(canvas, { colorSpace: "srgb" });
  context.translate(across / 2, down / 2);
  context.transform(...transform, 0, 0);
  context.drawImage(bitmap, -width / 2, -height / 2);
  bitmap.close();
  return canvas.transferToImageBitmap();
}

/**
 * @param {OffscreenCanvas} canvas
 * @param {{colorSpace: PredefinedColorSpace, alpha?: boolean, willReadFrequently?: boolean}} settings
 */
export function canvasContext(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("The browser has no canvas left.");
  return context;
}

/** @param {DataView} view @param {number} at @param {string} text */
function writeText(view, at, text) {
  for (let n = 0; n < text.length; n += 1) view.setUint8(at + n, text.charCodeAt(n));
}

/** @param {Uint8Array} bytes @param {number} at */
const fourLetters = (bytes, at) => String.fromCharCode(...bytes.subarray(at, at + 4));

/** @param {Blob} blob @param {Uint8Array<ArrayBuffer>} bytes */
function withoutColourHints(blob, bytes) {
  const view = new DataView(bytes.buffer);
  const parts = [blob.slice(0, 8)];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const next = at + 12 + view.getUint32(at);
    const chunk = fourLetters(bytes, at + 4);
    if (chunk === "IDAT") {
      parts.push(blob.slice(at));
      break;
    }
    if (!COLOUR_HINTS.includes(chunk)) parts.push(blob.slice(at, next));
    at = next;
  }
  return new Blob(parts, { type: "image/png" });
}

/**
 * Only some browsers turn a WebP file by its EXIF. Without EXIF none does, and we turn it ourselves.
 * @param {Blob} blob
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
function withoutExif(blob, bytes) {
  const view = new DataView(bytes.buffer);
  const parts = [];
  let orientation = UPRIGHT;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    const next = at + 8 + length + (length % 2);
    if (fourLetters(bytes, at) === "EXIF") {
      orientation = readOrientation(bytes.subarray(at + 8, at + 8 + length));
    } else {
      parts.push(blob.slice(at, next));
    }
    at = next;
  }
  if (orientation === UPRIGHT) return { blob, orientation };
  const size = parts.reduce((sum, part) => sum + part.size, 4);
  const header = new DataView(new ArrayBuffer(12));
  writeText(header, 0, "RIFF");
  header.setUint32(4, size, true);
  writeText(header, 8, "WEBP");
  return { blob: new Blob([header, ...parts], { type: "image/webp" }), orientation };
}

/** The orientation in the first directory of EXIF, which is a TIFF file. @param {Uint8Array} exif */
function readOrientation(exif) {
  const start = fourLetters(exif, 0) === "Exif" ? 6 : 0;
  try {
    const view = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
    const littleEndian = view.getUint16(0) === 0x4949;
    const directory = view.getUint32(4, littleEndian);
    for (let n = 0; n < view.getUint16(directory, littleEndian); n += 1) {
      const entry = directory + 2 + 12 * n;
      if (view.getUint16(entry, littleEndian) === ORIENTATION) {
        return view.getUint16(entry + 8, littleEndian);
      }
    }
  } catch {
    // An image with broken EXIF is still an image.
  }
  return UPRIGHT;
}

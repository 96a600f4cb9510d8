// Browsers and the server decode some files differently. The differences are removed here.

const COLOUR_HINTS = ["gAMA", "cHRM", "cICP"]; // the server reads a whole colour profile or none
const PROFILE = "ICC_PROFILE";
const INKS = 4; // channels of CMYK

/**
 * The file to hand to the browser's decoder.
 * @param {Blob} blob
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} format
 */
export function prepareFile(blob, bytes, format) {
  if (format === "PNG") return withoutColourHints(blob, bytes);
  if (format === "WebP") return withoutNames(blob, exifChunks(bytes));
  if (format === "JPEG") return withoutNames(blob, profilesOfInks(bytes));
  return blob;
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
  return new Blob(parts);
}

/**
 * The file with four bytes overwritten at each of these places, so that no decoder knows what
 * follows.
 * @param {Blob} blob
 * @param {number[]} places
 */
function withoutNames(blob, places) {
  if (!places.length) return blob;
  const parts = [];
  let from = 0;
  for (const at of places) {
    parts.push(blob.slice(from, at), "none");
    from = at + 4;
  }
  return new Blob([...parts, blob.slice(from)]);
}

/** Only some browsers turn a WebP file by its EXIF; Chromium does not. @param {Uint8Array} bytes */
function exifChunks(bytes) {
  const view = new DataView(bytes.buffer);
  const places = [];
  for (let at = 12; at + 8 <= bytes.length; ) {
    if (fourLetters(bytes, at) === "EXIF") places.push(at);
    const length = view.getUint32(at + 4, true);
    at += 8 + length + (length % 2);
  }
  return places;
}

/** Decoders interpolate in a profile's table of inks in different ways. @param {Uint8Array} bytes */
function profilesOfInks(bytes) {
  const view = new DataView(bytes.buffer);
  const places = [];
  let channels = 0;
  for (let at = 2; at + 10 < bytes.length; ) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff || marker === 0xff) {
      at += 1;
    } else if (marker < 2 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
    } else if (marker === 0xda) {
      break;
    } else {
      const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
      if (isFrame) channels = bytes[at + 9];
      const name = new TextDecoder().decode(bytes.subarray(at + 4, at + 4 + PROFILE.length));
      if (marker === 0xe2 && name === PROFILE) places.push(at + 4);
      at += 2 + Math.max(2, view.getUint16(at + 2));
    }
  }
  return channels === INKS ? places : [];
}

// An image file as upright sRGB pixels on white, by the browser's own decoder, in strips.

import { canvasContext, prepareFile, turnUpright } from "./decoding.js";
import { brokenFile, checkImage } from "./image-file.js";

/** @typedef {import("./image-file.js").Limits} Limits */

const STRIP = 4 * 2 ** 20; // pixels drawn at once: a whole copy would double the memory

/**
 * The RGB bytes of an image file. Throws ImageRefused where it breaks a limit or cannot be decoded.
 * @param {Blob} blob
 * @param {Limits} limits
 */
export async function decodePixels(blob, limits) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const format = checkImage(bytes, limits);
  let bitmap;
  try {
    const file = prepareFile(blob, bytes, format);
    const decoded = await createImageBitmap(file.blob, { imageOrientation: "from-image" });
    bitmap = turnUpright(decoded, file.orientation);
  } catch {
    throw brokenFile(`a damaged or cut-off ${format} file`);
  }
  try {
    return pixelsOnWhite(bitmap);
  } finally {
    bitmap.close();
  }
}

/** @param {ImageBitmap} bitmap */
function pixelsOnWhite(bitmap) {
  const { width, height } = bitmap;
  const rows = Math.min(height, Math.max(1, Math.floor(STRIP / width)));
  const canvas = new OffscreenCanvas(width, rows);
  const context = canvasContext(canvas, {
    colorSpace: "srgb",
    alpha: false,
    willReadFrequently: true,
  });
  const rgb = new Uint8Array(width * height * 3);
  for (let top = 0, to = 0; top < height; top += rows) {
    const stripHeight = Math.min(rows, height - top);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, -top);
    const { data } = context.getImageData(0, 0, width, stripHeight);
    for (let from = 0; from < data.length; from += 4) {
      rgb[to++] = data[from];
      rgb[to++] = data[from + 1];
      rgb[to++] = data[from + 2];
    }
  }
  return { rgb, width, height };
}

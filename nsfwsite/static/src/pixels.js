// An image file as upright sRGB pixels on white, by the browser's own decoder, in strips.

import { canvasContext, prepareFile } from "./decoding.js";
import { brokenFile, checkImage, unreadableFile } from "./image-file.js";
import palette from "./palette.json" with { type: "json" };

/** @typedef {import("./image-file.js").Limits} Limits */

const STRIP = 4 * 2 ** 20; // pixels drawn at once: a whole copy would double the memory

/**
 * The RGB bytes of an image file. Throws ImageRefused where it breaks a limit or cannot be decoded.
 * @param {Blob} blob
 * @param {Limits} limits
 */
export async function decodePixels(blob, limits) {
  const bytes = await readBytes(blob);
  const format = checkImage(bytes, limits);
  let bitmap;
  try {
    bitmap = await createImageBitmap(prepareFile(blob, bytes, format), {
      imageOrientation: "from-image",
      premultiplyAlpha: "none", // else colours of profiles are rounded before they are converted
    });
  } catch {
    throw brokenFile(`a damaged or cut-off ${format} file`);
  }
  try {
    return pixelsOnWhite(bitmap, limits.keptPixels);
  } finally {
    bitmap.close();
  }
}

/** @param {Blob} blob */
async function readBytes(blob) {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch {
    throw unreadableFile();
  }
}

/**
 * The pixels on white. A larger image is shrunk by averaging squares of pixels, as on the server.
 * @param {ImageBitmap} bitmap
 * @param {number} keptPixels
 */
function pixelsOnWhite(bitmap, keptPixels) {
  const { width, height } = bitmap;
  let factor = 1;
  while (Math.ceil(width / factor) * Math.ceil(height / factor) > keptPixels) factor += 1;
  const across = Math.ceil(width / factor);
  const down = Math.ceil(height / factor);
  const rows = Math.min(height, factor * Math.max(1, Math.floor(STRIP / (factor * width))));
  const canvas = new OffscreenCanvas(width, rows);
  const context = canvasContext(canvas, {
    colorSpace: "srgb",
    alpha: false,
    willReadFrequently: true,
  });
  const rgb = new Uint8Array(across * down * 3);
  for (let top = 0; top < height; top += rows) {
    const stripHeight = Math.min(rows, height - top);
    context.fillStyle = palette.both.white;
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, -top);
    const { data } = context.getImageData(0, 0, width, stripHeight);
    const to = (top / factor) * across * 3;
    if (factor === 1) copy(data, rgb, to);
    else average(data, width, stripHeight, factor, rgb, to);
  }
  return { rgb, width: across, height: down };
}

/** @param {Uint8ClampedArray} rgba @param {Uint8Array} rgb @param {number} to */
function copy(rgba, rgb, to) {
  for (let from = 0; from < rgba.length; from += 4) {
    rgb[to++] = rgba[from];
    rgb[to++] = rgba[from + 1];
    rgb[to++] = rgba[from + 2];
  }
}

/**
 * @param {Uint8ClampedArray} rgba
 * @param {number} width
 * @param {number} height
 * @param {number} factor
 * @param {Uint8Array} rgb
 * @param {number} to
 */
function average(rgba, width, height, factor, rgb, to) {
  for (let top = 0; top < height; top += factor) {
    const bottom = Math.min(top + factor, height);
    for (let left = 0; left < width; left += factor) {
      const right = Math.min(left + factor, width);
      const count = (bottom - top) * (right - left);
      for (let channel = 0; channel < 3; channel += 1) {
        let sum = 0;
        for (let y = top; y < bottom; y += 1) {
          for (let x = left; x < right; x += 1) sum += rgba[4 * (y * width + x) + channel];
        }
        rgb[to++] = Math.round(sum / count);
      }
    }
  }
}

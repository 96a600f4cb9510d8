// An image file as upright sRGB pixels on white, by the browser's own decoder, in strips.

import { alike, upright } from "./alike.js";
import { broken, check } from "./image-file.js";

const STRIP = 4 * 2 ** 20; // pixels drawn at once: a whole copy would double the memory

/** RGB bytes of a file, with its width and height; or the refusal of it. */
export async function pixelsOf(blob, limits) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const format = check(bytes, limits);
  let bitmap;
  try {
    const file = alike(blob, bytes, format);
    const options = { imageOrientation: "from-image" };
    bitmap = upright(await createImageBitmap(file.blob, options), file.turn);
  } catch {
    throw broken(`a damaged or cut-off ${format} file`);
  }
  try {
    return flattened(bitmap);
  } finally {
    bitmap.close();
  }
}

function flattened(bitmap) {
  const { width, height } = bitmap;
  const rows = Math.min(height, Math.max(1, Math.floor(STRIP / width)));
  const canvas = new OffscreenCanvas(width, rows);
  const pen = canvas.getContext("2d", {
    colorSpace: "srgb",
    alpha: false,
    willReadFrequently: true,
  });
  const rgb = new Uint8Array(width * height * 3);
  for (let top = 0, to = 0; top < height; top += rows) {
    const taken = Math.min(rows, height - top);
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, width, rows);
    pen.drawImage(bitmap, 0, -top);
    const { data } = pen.getImageData(0, 0, width, taken);
    for (let from = 0; from < data.length; from += 4) {
      rgb[to++] = data[from];
      rgb[to++] = data[from + 1];
      rgb[to++] = data[from + 2];
    }
  }
  return { rgb, width, height };
}

// Text that was pasted or dropped in place of an image: an image inside it, or why there is none.

const DATA_URL = /^data:([^;,]*)((?:;[^;,]*)*),(.*)$/s;
const ADDRESS = /^https?:\/\/\S+$/i;

/**
 * @param {string} text
 * @returns {{file: File} | {reason: string}}
 */
export function imageInText(text) {
  const trimmed = text.trim();
  const [, type, settings, data] = trimmed.match(DATA_URL) ?? [];
  if (type?.startsWith("image/")) {
    const bytes = decode(data, settings.toLowerCase().includes(";base64"));
    if (bytes) return { file: new File([bytes], "pasted image", { type }) };
    return { reason: "The data: address that you pasted is damaged. Copy it again, whole." };
  }
  if (type !== undefined) {
    return { reason: "A data: address must hold an image. What you pasted holds something else." };
  }
  if (ADDRESS.test(trimmed)) {
    return {
      reason:
        "This site opens no other addresses, so a link is not enough. Open it, copy the image itself " +
        "and paste that, or save it and choose the file.",
    };
  }
  return {
    reason: "There is no image in what you pasted. Copy an image, or choose a file.",
  };
}

/** @param {string} data @param {boolean} isBase64 */
function decode(data, isBase64) {
  try {
    const text = decodeURIComponent(data);
    if (!isBase64) return new TextEncoder().encode(text);
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null; // not base64, or a part of an escape
  }
}

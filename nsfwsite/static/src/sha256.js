/** The SHA-256 of bytes, in hexadecimal. @param {BufferSource} data */
export async function sha256(data) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// The only places where text becomes markup or the address of a program (Trusted Types). The site's
// policy makes the browser refuse it everywhere else.

/**
 * @typedef {{
 *   createHTML(text: string): string,
 *   createScriptURL(text: string): string,
 * }} Policy
 * @typedef {{ createPolicy(name: string, rules: Partial<Policy>): Policy }} Factory
 */

/** @type {Factory | undefined} */
const factory = /** @type {any} */ (globalThis).trustedTypes;

/** @param {string} name @param {Partial<Policy>} rules */
export const policy = (name, rules) => factory?.createPolicy(name, rules) ?? rules;

/** @param {string} address */
export function ownAddress(address) {
  if (new URL(address, location.href).origin === location.origin) return address;
  throw new TypeError(`A program of this page comes from this site. Received: ${address}`);
}

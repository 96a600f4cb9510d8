// The worker and the service worker of a page.
import { ownAddress, policy } from "./trusted-types.js";

const programs = policy("programs", { createScriptURL: ownAddress });

/** @param {string} address */
export const program = (address) => programs.createScriptURL?.(address) ?? address;

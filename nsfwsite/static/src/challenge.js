// A challenge (ALTCHA): when many uploads come from one address, a computation stands before each.

import { pbkdf2, solveChallenge } from "altcha/lib";

/** @typedef {import("altcha/lib").Challenge} Challenge */

/**
 * Solve the challenge of a form whose next upload needs one, and put the solution in its address.
 * Whatever goes wrong here, the form can be sent: the site then says what it lacks.
 * @param {HTMLFormElement} form
 */
export async function solveFor(form) {
  const action = new URL(form.action);
  action.searchParams.delete("altcha");
  try {
    const response = await fetch(form.dataset.challenge ?? "");
    const { challenge } = /** @type {{challenge: Challenge | null}} */ (await response.json());
    if (challenge) action.searchParams.set("altcha", await solve(challenge, form));
  } catch {
    // Offline, or a browser that computes hashes over HTTPS alone.
  }
  form.action = action.href;
}

/** @param {Challenge} challenge @param {HTMLFormElement} form */
async function solve(challenge, form) {
  const note = document.createElement("p");
  note.className = "note unsure";
  note.setAttribute("role", "status");
  form.append(note);
  note.textContent =
    "Many uploads come from your network just now, so your browser computes something first. Please wait a few seconds: what you send goes off by itself.";
  try {
    const solution = await solveChallenge({ challenge, deriveKey: pbkdf2.deriveKey });
    return btoa(JSON.stringify({ challenge, solution }));
  } finally {
    note.remove();
  }
}

// One letter for each step of a page, unless a field has the focus. A switch turns the letters off.

import { query } from "./dom.js";

const OFF = "keys-off";
const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const CHOICES = "[type=radio], textarea";

/** @param {HTMLElement} help lists the letters and has the switch */
export function setUpShortcuts(help) {
  const enabled = query(help, "input", HTMLInputElement);
  help.hidden = false;
  try {
    enabled.checked = !localStorage.getItem(OFF);
  } catch {
    // Without storage they are on.
  }
  enabled.addEventListener("change", () => {
    try {
      if (enabled.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "yes");
    } catch {
      // Without storage the choice lasts until the next page.
    }
  });
  document.addEventListener("keydown", (event) => {
    if (!enabled.checked || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (!(event.target instanceof Element) || event.target.closest(FIELDS)) return;
    const step = stepFor(event.key, event.target);
    if (!step) return;
    event.preventDefault();
    step.click();
    const field = step.matches(CHOICES)
      ? step
      : step.closest("details[open]")?.querySelector(CHOICES);
    if (field instanceof HTMLElement) field.focus();
  });
}

/** @param {string} key @param {Element} focused */
function stepFor(key, focused) {
  // While a reason is being chosen, only its own letters count: others may be meant as text.
  const root = focused.closest(".reasons") ?? document;
  const step = root.querySelector(`[data-key="${CSS.escape(key.toLowerCase())}"]`);
  if (!(step instanceof HTMLElement)) return null;
  const isShown = !step.closest("details:not([open])") || step.matches("summary");
  return isShown ? step : null;
}

// A letter for every step of a page, where no field has the focus; a switch turns the letters off.

const OFF = "keys-off";
const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

export function keys(help) {
  const wanted = help.querySelector("input");
  help.hidden = false;
  try {
    wanted.checked = !localStorage.getItem(OFF);
  } catch {
    // No storage: on.
  }
  wanted.addEventListener("change", () => {
    try {
      if (wanted.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "yes");
    } catch {
      // Until the next page, then.
    }
  });
  document.addEventListener("keydown", (event) => {
    if (!wanted.checked || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest(FIELDS)) return;
    // While a reason is chosen, letters are no decisions: they may be meant as words.
    const choice = event.target.closest(".reasons") ?? document;
    const step = choice.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!step || (!step.matches("summary") && step.closest("details:not([open])"))) return;
    event.preventDefault();
    step.click();
    const next = "[type=radio], textarea";
    const field = step.matches(next) ? step : step.closest("details[open]")?.querySelector(next);
    field?.focus();
  });
}

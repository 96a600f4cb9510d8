// What somebody has written survives a reload, in this tab alone, until it is sent.

const DRAFT = "draft:";
const NEVER = ["csrfmiddlewaretoken", "browser"];

export function drafting(form) {
  const name = DRAFT + location.pathname + location.search;
  const note = form.querySelector("[data-draft-note]");
  if (form.dataset.draft === "fresh" && restore(form, name)) {
    note.hidden = false;
    note.querySelector("button").addEventListener("click", () => {
      forget();
      location.reload();
    });
  }
  form.addEventListener("input", () => keep(form, name));
}

/** Forget every draft of this tab. */
export function forget() {
  try {
    for (const name of Object.keys(sessionStorage)) {
      if (name.startsWith(DRAFT)) sessionStorage.removeItem(name);
    }
  } catch {
    // No storage, no drafts.
  }
}

function keep(form, name) {
  const written = [...new FormData(form)].filter(
    ([field, value]) => typeof value === "string" && !NEVER.includes(field),
  );
  try {
    sessionStorage.setItem(name, JSON.stringify(written));
  } catch {
    // Storage may be full or forbidden; the form works without it.
  }
}

function restore(form, name) {
  let written;
  try {
    written = JSON.parse(sessionStorage.getItem(name));
  } catch {
    return false;
  }
  if (!written) return false;
  const said = new Map(written);
  for (const field of form.elements) {
    if (!field.name || NEVER.includes(field.name) || field.type === "file") continue;
    if (field.type === "radio") field.checked = said.get(field.name) === field.value;
    else if (field.type === "checkbox") field.checked = said.has(field.name);
    else if (said.has(field.name)) field.value = said.get(field.name);
    if (field.tagName === "SELECT" && field.value)
      field.closest("details")?.setAttribute("open", "");
  }
  return true;
}

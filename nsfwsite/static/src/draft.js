// What somebody has written survives a reload, in this tab only, until it is sent.

import { part, query } from "./dom.js";

const PREFIX = "draft:";
const EXCLUDED = ["csrfmiddlewaretoken", "browser"];

/** @param {HTMLFormElement} form */
export function setUpDraft(form) {
  const key = PREFIX + location.pathname + location.search;
  const note = part(form, "draft-note");
  if (form.dataset.draft === "fresh" && restore(form, key)) {
    note.hidden = false;
    query(note, "button", HTMLButtonElement).addEventListener("click", () => {
      deleteDrafts();
      location.reload();
    });
  }
  form.addEventListener("input", () => store(form, key));
}

/** Delete every draft of this tab. */
export function deleteDrafts() {
  try {
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
    }
  } catch {
    // Without storage there are no drafts.
  }
}

/** @param {HTMLFormElement} form @param {string} key */
function store(form, key) {
  const values = [...new FormData(form)].filter(
    ([name, value]) => typeof value === "string" && !EXCLUDED.includes(name),
  );
  try {
    sessionStorage.setItem(key, JSON.stringify(values));
  } catch {
    // Storage may be full or forbidden; the form works without it.
  }
}

/** Returns whether there was a draft. @param {HTMLFormElement} form @param {string} key */
function restore(form, key) {
  const values = read(key);
  if (!values) return false;
  for (const field of form.elements) {
    if (!isField(field) || !field.name || EXCLUDED.includes(field.name)) continue;
    if (field.type === "file") continue;
    const value = values.get(field.name);
    if (isInput(field, "radio")) field.checked = value === field.value;
    else if (isInput(field, "checkbox")) field.checked = value !== undefined;
    else if (value !== undefined) field.value = value;
    if (field instanceof HTMLSelectElement && field.value) {
      field.closest("details")?.setAttribute("open", "");
    }
  }
  return true;
}

/** The draft's values by field. @param {string} key @returns {Map<string, string> | null} */
function read(key) {
  try {
    const text = sessionStorage.getItem(key);
    return text ? new Map(JSON.parse(text)) : null;
  } catch {
    return null;
  }
}

/**
 * @param {Element} element
 * @returns {element is HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement}
 */
const isField = (element) => element.matches("input, select, textarea");

/**
 * @param {Element} field
 * @param {string} type
 * @returns {field is HTMLInputElement}
 */
const isInput = (field, type) => field.matches(`input[type=${type}]`);

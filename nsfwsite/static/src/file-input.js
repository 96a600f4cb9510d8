// Choose, drop or paste images. A single image is previewed before it is sent.

import { filesOf, part, query, setFiles } from "./dom.js";
import { fileSize } from "./format.js";
import { imageInText } from "./pasted-text.js";

/**
 * `onChange` gets the file of an input that takes one. An input that takes several sends its files
 * as the event `chosen` of the form instead.
 * @param {HTMLFormElement} form
 * @param {(file: File | undefined) => void} onChange
 */
export function setUpFileInput(form, onChange) {
  const input = query(form, "input[type=file]", HTMLInputElement);
  const zone = part(form, "drop");
  const figure = part(form, "shown");
  const preview = query(figure, "img", HTMLImageElement);
  const caption = query(figure, "figcaption", HTMLElement);
  const note = part(form, "not-taken");
  // The button stands for the browser's own control, which is where the keyboard goes.
  part(zone, "invitation").hidden = false;
  input.classList.add("covered");

  function readInput() {
    const files = filesOf(input);
    const file = input.multiple ? undefined : files[0];
    if (preview.src) URL.revokeObjectURL(preview.src);
    figure.hidden = !file;
    if (file) {
      preview.hidden = false;
      preview.src = URL.createObjectURL(file);
      caption.textContent = `${file.name} (${fileSize(file.size)})`;
    }
    if ("adds" in input.dataset) listFiles(files);
    if (!input.multiple) onChange(file);
    else if (files.length) form.dispatchEvent(new CustomEvent("chosen", { detail: files }));
  }

  /** @param {File[]} files */
  function listFiles(files) {
    const names = files.map((file) => `${file.name} (${fileSize(file.size)})`);
    part(form, "chosen").textContent = names.length ? `In the form: ${names.join(", ")}.` : "";
  }

  /** @param {string} [reason] why something was not taken */
  function say(reason = "") {
    note.textContent = reason;
    note.hidden = !reason;
  }

  /** Take all files, or one; what is wrong with a file is said where it is read. @param {File[]} files */
  function take(files) {
    const one = files.find((file) => file.type.startsWith("image/")) ?? files[0];
    const present = "adds" in input.dataset ? filesOf(input) : [];
    const taken = input.multiple ? [...present, ...files] : [one];
    const names = files.filter((file) => !taken.includes(file)).map((file) => file.name);
    say(names.length ? `One image is sent at a time. Not taken: ${names.join(", ")}.` : "");
    setFiles(input, taken);
    readInput();
  }

  /** @param {DataTransfer} transfer */
  function takeFrom(transfer) {
    if (transfer.files.length) return take([...transfer.files]);
    const result = imageInText(transfer.getData("text/uri-list") || transfer.getData("text/plain"));
    if ("file" in result) take([result.file]);
    else say(result.reason);
  }

  preview.addEventListener("error", () => {
    preview.hidden = true;
  });
  input.addEventListener("change", readInput);
  input.addEventListener("change", () => say());
  acceptDrops(zone, takeFrom);
  document.addEventListener("paste", (event) => {
    const isText = event.target instanceof HTMLElement && event.target.matches("input, textarea");
    if (event.clipboardData && (!isText || event.target === input)) takeFrom(event.clipboardData);
  });
  if (input.files?.length) readInput();
}

/**
 * @param {HTMLElement} zone
 * @param {(transfer: DataTransfer) => void} onDrop
 */
export function acceptDrops(zone, onDrop) {
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer) onDrop(event.dataTransfer);
  });
}

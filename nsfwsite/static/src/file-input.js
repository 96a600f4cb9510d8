// Choose, drop or paste images. A single image is previewed before it is sent.

import { filesOf, part, query, setFiles } from "./dom.js";
import { fileSize } from "./format.js";

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
    if (!input.multiple) onChange(file);
    else if (files.length) form.dispatchEvent(new CustomEvent("chosen", { detail: files }));
  }

  /** @param {FileList} files */
  function take(files) {
    const images = [...files].filter((file) => file.type.startsWith("image/"));
    const first = images[0] ?? files[0]; // the server says why something else is refused
    if (!first) return;
    setFiles(input, input.multiple && images.length ? images : [first]);
    readInput();
  }

  preview.addEventListener("error", () => {
    preview.hidden = true;
  });
  input.addEventListener("change", readInput);
  acceptDrops(zone, (transfer) => take(transfer.files));
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) take(event.clipboardData.files);
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

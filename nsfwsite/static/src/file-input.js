// Choose, drop or paste images. One is seen before it is sent; several are handed on as they are.

export function choosing(form, chosen) {
  const input = form.querySelector("input[type=file]");
  const zone = form.querySelector("[data-drop]");
  const figure = form.querySelector("[data-shown]");
  const image = figure.querySelector("img");
  const name = figure.querySelector("figcaption");

  function show() {
    const files = [...input.files];
    const file = input.multiple ? null : files[0];
    if (image.src) URL.revokeObjectURL(image.src);
    figure.hidden = !file;
    if (file) {
      image.hidden = false;
      image.src = URL.createObjectURL(file);
      name.textContent = `${file.name} (${size(file.size)})`;
    }
    if (!input.multiple) chosen(file);
    else if (files.length) form.dispatchEvent(new CustomEvent("chosen", { detail: files }));
  }

  function take(files) {
    const images = [...files].filter((one) => one.type.startsWith("image/"));
    const taken = input.multiple && images.length ? images : [images[0] ?? files[0]];
    if (!taken[0]) return;
    const list = new DataTransfer();
    for (const file of taken) list.items.add(file);
    input.files = list.files;
    show();
  }

  image.addEventListener("error", () => (image.hidden = true));
  input.addEventListener("change", show);
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) take(event.clipboardData.files);
  });
  if (input.files.length) show();
}

function size(bytes) {
  return bytes < 2 ** 20
    ? `${Math.max(1, Math.round(bytes / 1024))} KiB`
    : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

// Choose, drop or paste one image, and see it before it is sent.

export function choosing(form, chosen) {
  const input = form.querySelector("input[type=file]");
  const zone = form.querySelector("[data-drop]");
  const figure = form.querySelector("[data-shown]");
  const image = figure.querySelector("img");
  const name = figure.querySelector("figcaption");

  function show() {
    const file = input.files[0];
    if (image.src) URL.revokeObjectURL(image.src);
    figure.hidden = !file;
    if (file) {
      image.hidden = false;
      image.src = URL.createObjectURL(file);
      name.textContent = `${file.name} (${size(file.size)})`;
    }
    chosen(file);
  }

  function take(files) {
    const file = [...files].find((one) => one.type.startsWith("image/")) ?? files[0];
    if (!file) return;
    const list = new DataTransfer();
    list.items.add(file);
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

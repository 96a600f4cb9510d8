// Select many tiles at once, and say on each button how many it is about.

import { query, queryAll } from "./dom.js";

/** @param {HTMLFormElement} form */
export function setUpWall(form) {
  const boxes = /** @type {HTMLInputElement[]} */ ([...queryAll(form, "[name=report]")]);
  const selectAll = query(form, "[data-select-all]", HTMLButtonElement);
  let last = 0;

  function count() {
    const selected = boxes.filter((box) => box.checked).length;
    for (const button of queryAll(form, "[data-counts]")) {
      if (!(button instanceof HTMLButtonElement)) continue;
      button.disabled = !selected;
      button.textContent = (button.dataset.counts ?? "").replace("{}", String(selected));
    }
  }

  boxes.forEach((box, position) => {
    box.addEventListener("click", (event) => {
      if (event.shiftKey) {
        const [start, end] = [last, position].sort((a, b) => a - b);
        for (const between of boxes.slice(start, end + 1)) between.checked = box.checked;
      }
      last = position;
      count();
    });
  });
  selectAll.hidden = false;
  selectAll.addEventListener("click", () => {
    const checked = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = checked;
    count();
  });
  count();
}

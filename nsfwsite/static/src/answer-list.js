// The list of answers on the demo, worded and drawn as on the server's own result page.

import { button, copyTemplate, part, query } from "./dom.js";
import { percent } from "./format.js";

/** @typedef {import("./classifier.js").SiteDescription} SiteDescription */
/** @typedef {import("./classifier.js").Answer & {kind: string}} Answer */
/** @typedef {{file: File, element: HTMLElement}} Item */
/**
 * Called when a visitor says that an answer is wrong. Returns the sentence to show instead of the
 * one that the image has not left the device.
 * @typedef {(item: Item, answer: Answer) => Promise<string>} WrongCallback
 */
/**
 * What a visitor can do about an image without an answer.
 * @typedef {{again?: () => void, send?: () => void}} Remedies
 */

export class AnswerList {
  /**
   * @param {Document} page
   * @param {SiteDescription} site
   * @param {WrongCallback} onWrong
   */
  constructor(page, site, onWrong) {
    this.page = page;
    this.site = site;
    this.onWrong = onWrong;
    this.labels = new Map(site.labels.map((label) => [label.name, label]));
    this.list = part(page, "answers");
    this.caution = part(page, "caution");
  }

  /** Show files that wait for their answers. @param {File[]} files */
  add(files) {
    const items = files.map((file) => this.#createItem(file));
    this.list.prepend(...items.map((item) => item.element));
    this.list.hidden = this.caution.hidden = false;
    return items;
  }

  /**
   * Say what happens to an image that waits.
   * @param {Item} item
   * @param {string} state
   * @param {{done: number, total: number} | boolean} [progress] false where nothing happens yet
   */
  showState({ element }, state, progress = true) {
    part(element, "problem").hidden = true;
    part(element, "waiting").hidden = false;
    part(element, "state").textContent = state;
    const bar = query(element, "progress", HTMLProgressElement);
    bar.hidden = !progress;
    if (typeof progress === "object") {
      bar.max = progress.total;
      bar.value = progress.done;
    } else {
      bar.removeAttribute("value");
    }
  }

  /** @param {Item} item @param {Answer} answer */
  showAnswer(item, answer) {
    const { element } = item;
    const { label, scores } = answer;
    part(element, "waiting").hidden = true;
    part(element, "who").textContent = `Model ${this.site.model.version} says`;
    part(element, "says").textContent = label;
    part(element, "meaning").textContent = this.labels.get(label)?.meaning ?? "";
    const rows = Object.entries(scores)
      .sort(([, score], [, other]) => other - score)
      .map(([name, score]) => this.#createRow(name, score, name === label));
    query(element, "tbody", HTMLElement).append(...rows);
    part(element, "said").hidden = false;
    const note = part(element, "device");
    part(element, "right").addEventListener("click", () => {
      part(element, "right").hidden = true;
      part(element, "verdict-given").textContent =
        "You say that it is right. That stays on this page: nothing was sent.";
    });
    part(element, "wrong").addEventListener("click", async () => {
      note.textContent = await this.onWrong(item, answer);
      note.classList.add("left");
    });
  }

  /**
   * @param {Item} item
   * @param {string} reason
   * @param {Remedies} [remedies]
   */
  showProblem({ element }, reason, { again, send } = {}) {
    part(element, "waiting").hidden = true;
    part(element, "reason").textContent = reason;
    offer(button(element, "again"), again);
    offer(button(element, "send-this"), send);
    part(element, "problem").hidden = false;
  }

  clear() {
    this.list.replaceChildren();
    this.list.hidden = this.caution.hidden = true;
  }

  /** @param {File} file @returns {Item} */
  #createItem(file) {
    const element = copyTemplate(this.page, "answer");
    const image = query(element, "img", HTMLImageElement);
    image.addEventListener("error", () => {
      image.hidden = true;
    });
    image.src = URL.createObjectURL(file);
    image.alt = `Your image ${file.name}`;
    query(element, "figcaption", HTMLElement).textContent = file.name;
    return { file, element };
  }

  /** @param {string} name @param {number} score @param {boolean} isTop */
  #createRow(name, score, isTop) {
    const row = copyTemplate(this.page, "bar");
    row.classList.toggle("top-score", isTop);
    row.classList.toggle("explicit", this.labels.get(name)?.nsfw);
    const [heading, bar, figure] = row.children;
    heading.textContent = name;
    query(bar, "rect", SVGRectElement).setAttribute("width", (score * 100).toFixed(2));
    figure.textContent = percent(score);
    return row;
  }
}

/** @param {HTMLButtonElement} control @param {(() => void) | undefined} act */
function offer(control, act) {
  control.hidden = !act;
  control.onclick = act ?? null;
}

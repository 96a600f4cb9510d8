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

  /** @param {Item} item @param {Answer} answer */
  showAnswer(item, answer) {
    const { element } = item;
    const { label, scores, milliseconds } = answer;
    removeProgress(element);
    const version = this.site.model.version;
    part(element, "who").textContent = `Model ${version} says, in ${Math.round(milliseconds)} ms`;
    part(element, "says").textContent = label;
    part(element, "meaning").textContent = this.labels.get(label)?.meaning ?? "";
    const rows = Object.entries(scores)
      .sort(([, score], [, other]) => other - score)
      .map(([name, score]) => this.#createRow(name, score, name === label));
    query(element, "tbody", HTMLElement).append(...rows);
    part(element, "said").hidden = false;
    const note = part(element, "device");
    part(element, "wrong").addEventListener("click", async () => {
      note.textContent = await this.onWrong(item, answer);
      note.classList.add("left");
    });
  }

  /**
   * @param {Item} item
   * @param {string} message
   * @param {() => void} [onSend] called when the visitor wants to send the image to the site
   */
  showError({ element }, message, onSend) {
    removeProgress(element);
    part(element, "says").textContent = "No answer";
    const refusal = part(element, "refused");
    refusal.textContent = message;
    refusal.hidden = false;
    if (!onSend) return;
    part(element, "send").hidden = false;
    button(element, "send-this").addEventListener("click", onSend);
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

/** @param {HTMLElement} element */
const removeProgress = (element) => query(element, "progress", HTMLProgressElement).remove();

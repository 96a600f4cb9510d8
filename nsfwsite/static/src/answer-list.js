// The list of answers, in the words and bars of the server's own page.

export class Answers {
  /** `wrong(item, answer)` is called when somebody says so; its words, if any, are shown. */
  constructor(page, site, wrong) {
    this.wrong = wrong;
    this.site = site;
    this.list = page.querySelector("[data-answers]");
    this.caution = page.querySelector("[data-caution]");
    this.blank = page.querySelector("template[data-answer]").content;
    this.bar = page.querySelector("template[data-bar]").content;
  }

  /** Show files that wait for their answers; gives an item for each. */
  expect(files) {
    const items = files.map((file) => {
      const element = this.blank.cloneNode(true).firstElementChild;
      const picture = element.querySelector("img");
      picture.addEventListener("error", () => (picture.hidden = true));
      picture.src = URL.createObjectURL(file);
      picture.alt = `Your image ${file.name}`;
      element.querySelector("figcaption").textContent = file.name;
      return { file, element };
    });
    this.list.prepend(...items.map((item) => item.element));
    this.list.hidden = this.caution.hidden = false;
    return items;
  }

  tell(item, answer) {
    const { element } = item;
    const { label, scores, milliseconds } = answer;
    const known = new Map(this.site.labels.map((one) => [one.name, one]));
    this.#done(element);
    const part = (name) => element.querySelector(`[data-${name}]`);
    part("who").textContent =
      `Model ${this.site.model.version} says, in ${Math.round(milliseconds)} ms`;
    part("says").textContent = label;
    part("meaning").textContent = known.get(label).meaning;
    const ranked = Object.entries(scores).sort(([, one], [, other]) => other - one);
    for (const [name, score] of ranked) {
      const row = this.bar.cloneNode(true).firstElementChild;
      row.classList.toggle("top-score", name === label);
      row.classList.toggle("explicit", known.get(name).nsfw);
      row.cells[0].textContent = name;
      row.querySelector("rect").setAttribute("width", (score * 100).toFixed(2));
      row.cells[2].textContent = `${(score * 100).toFixed(1)}%`;
      element.querySelector("tbody").append(row);
    }
    part("said").hidden = false;
    part("wrong").addEventListener("click", async () => {
      part("device").textContent = await this.wrong(item, answer);
      part("device").classList.add("left");
    });
  }

  fail({ element }, rule, rest) {
    this.#done(element);
    element.querySelector("[data-says]").textContent = "No answer";
    const words = element.querySelector("[data-refused]");
    words.textContent = `${rule} ${rest}`;
    words.hidden = false;
  }

  clear() {
    this.list.replaceChildren();
    this.list.hidden = this.caution.hidden = true;
  }

  #done(element) {
    element.querySelector("progress").remove();
  }
}

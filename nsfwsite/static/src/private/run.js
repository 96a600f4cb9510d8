// Answer every picture of a folder, one after the other; it can be paused, and goes on where it was.

import * as kept from "./kept.js";

const TOGETHER = 20; // answers kept at once
const GIVEN_UP = 3; // so many in a row without an answer mean the model, not the pictures

export class Run {
  /**
   * @param pictures as `folder.js` sorts them
   * @param model has `artifact`, its hash, and `classify(blob)`
   * @param told is called after each answer
   */
  constructor(pictures, model, told) {
    Object.assign(this, { pictures, model, told });
    this.answers = new Map(); // picture → {label, scores}
    this.refused = []; // {path, why}
    this.keeps = true;
    this.unkept = [];
    this.pausing = null;
  }

  get done() {
    return this.answers.size + this.refused.length;
  }

  get left() {
    return this.pictures.length - this.done;
  }

  pause() {
    let resume;
    const waiting = new Promise((done) => (resume = done));
    this.pausing = { waiting, resume };
  }

  resume() {
    this.pausing?.resume();
    this.pausing = null;
  }

  async all() {
    const names = this.pictures.map((picture) => kept.name(this.model.artifact, picture));
    const before = await kept.known(names);
    const asked = [];
    this.pictures.forEach((picture, number) => {
      if (before[number]) this.answers.set(picture, before[number]);
      else asked.push([picture, names[number]]);
    });
    this.remembered = this.answers.size;
    this.told();
    let failures = 0;
    for (const [picture, name] of asked) {
      await this.pausing?.waiting;
      try {
        const { label, scores } = await this.model.classify(picture.file);
        this.answers.set(picture, { label, scores });
        this.unkept.push([name, { label, scores }]);
        failures = 0;
      } catch (problem) {
        this.refused.push({ path: picture.path, why: problem.message });
        failures = problem.name === "Refused" ? 0 : failures + 1;
        if (failures === GIVEN_UP) throw problem;
      }
      if (this.unkept.length >= TOGETHER) await this.#keep();
      this.told();
    }
    await this.#keep();
  }

  async #keep() {
    if (this.unkept.length) this.keeps = (await kept.keep(this.unkept)) && this.keeps;
    this.unkept = [];
  }
}

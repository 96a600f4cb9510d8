// Classify every image of a folder, one after another. A run can be paused.

import { ImageRefused } from "../image-file.js";
import { sha256 } from "../sha256.js";
import { keyOf, readAnswers, storeAnswers } from "./answer-store.js";

/** @typedef {import("./folder.js").FolderImage} FolderImage */
/** @typedef {import("./folder.js").PassedFile} PassedFile */
/** @typedef {import("./answer-store.js").StoredAnswer} StoredAnswer */

const BATCH = 20; // answers stored at once
const MAX_FAILURES = 3; // so many in a row are the model's fault, not the images'

export class Run {
  /** @type {Map<FolderImage, StoredAnswer>} */
  answers = new Map();
  /** @type {PassedFile[]} */
  refused = [];
  /** Answers that an earlier run stored. */
  restored = 0;
  /** @type {[string, StoredAnswer][]} */
  #unstored = [];
  /** @type {Promise<void> | null} */
  #pause = null;
  #endPause = () => {};

  /**
   * @param {FolderImage[]} images
   * @param {import("./model-choice.js").ChosenModel} model
   * @param {() => void} onAnswer
   */
  constructor(images, model, onAnswer) {
    this.images = images;
    this.model = model;
    this.onAnswer = onAnswer;
  }

  get done() {
    return this.answers.size + this.refused.length;
  }

  get left() {
    return this.images.length - this.done;
  }

  get isPaused() {
    return this.#pause !== null;
  }

  pause() {
    this.#pause = new Promise((resolve) => {
      this.#endPause = resolve;
    });
  }

  resume() {
    this.#endPause();
    this.#pause = null;
  }

  async classifyAll() {
    const keys = this.images.map((image) => keyOf(this.model.artifact, image));
    const stored = await readAnswers(keys);
    /** @type {[FolderImage, string][]} */
    const unanswered = [];
    this.images.forEach((image, number) => {
      const answer = stored[number];
      if (answer?.sha256) this.answers.set(image, answer);
      else unanswered.push([image, keys[number]]);
    });
    this.restored = this.answers.size;
    this.onAnswer();
    let failures = 0;
    for (const [image, key] of unanswered) {
      await this.#pause;
      try {
        const { label, scores } = await this.model.classify(image.file);
        const answer = { label, scores, sha256: await sha256(await image.file.arrayBuffer()) };
        this.answers.set(image, answer);
        this.#unstored.push([key, answer]);
        failures = 0;
      } catch (problem) {
        this.refused.push({ path: image.path, why: /** @type {Error} */ (problem).message });
        failures = problem instanceof ImageRefused ? 0 : failures + 1;
        if (failures === MAX_FAILURES) throw problem;
      }
      if (this.#unstored.length >= BATCH) await this.#store();
      this.onAnswer();
    }
    await this.#store();
  }

  /** Where the browser has no room, the answers last until the page is left. */
  async #store() {
    if (this.#unstored.length) await storeAnswers(this.#unstored);
    this.#unstored = [];
  }
}

// How often a model errs, and for which group: the same figures as an audit of `modeltrain` gives.

const Z = 1.959963984540054; // of the normal distribution, 97.5% lie below

/** @typedef {{count: number, n: number, rate: number, low: number, high: number}} KnownRate */
/** @typedef {{count: 0, n: 0, rate: null, low: null, high: null}} NoData */
/** @typedef {KnownRate | NoData} Rate */
/** @typedef {"flagged" | "error" | "false_alarm" | "miss" | "confusion"} Measure */
/** @typedef {{n: number, enough: boolean} & Record<Measure, Rate>} Cell */
/** @typedef {{overall: Cell, groups: Record<string, Cell>}} Figures */
/**
 * `group` and `expected` are null where nobody said; `sha256` is that of the file.
 * @typedef {{group: string | null, expected: string | null, label: string, sha256: string}} Answer
 */

/**
 * A rate with Wilson's 95% interval.
 * @param {number} count
 * @param {number} n
 * @returns {Rate}
 */
export function rate(count, n) {
  if (n === 0) return { count: 0, n: 0, rate: null, low: null, high: null };
  const share = count / n;
  const width = 1 + Z ** 2 / n;
  const centre = (share + Z ** 2 / (2 * n)) / width;
  const reach = (Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2))) / width;
  // Exactly 0 and 1 for none and for all, where rounding would leave a trace.
  const low = count === 0 ? 0 : centre - reach;
  const high = count === n ? 1 : centre + reach;
  return { count, n, rate: share, low, high };
}

/**
 * Are there enough images to say how often it happens?
 * @param {Rate} rate
 * @param {number} minimum
 * @returns {rate is KnownRate}
 */
export const isKnown = (rate, minimum) => rate.rate !== null && rate.n >= minimum;

/**
 * The answers to different files: exact copies with one label count once.
 * @template {{sha256: string, expected: string | null}} Copied
 * @param {Copied[]} answers
 * @returns {Copied[]}
 */
export function differentFiles(answers) {
  const files = answers.map(
    (answer) => /** @type {const} */ ([`${answer.sha256} ${answer.expected}`, answer]),
  );
  return [...new Map(files).values()];
}

/**
 * Count answers by group. Exact copies in a group count once.
 *
 * A cell's `flagged` is a rate of all its images. Its other measures are rates of the images whose
 * right label is known. With fewer than `minimum` images it does not have `enough`.
 * @param {Answer[]} answers
 * @param {{explicit: string[], minimum: number}} rules
 * @returns {Figures}
 */
export function count(answers, { explicit, minimum }) {
  /** @type {Map<string, Answer[]>} */
  const groups = new Map();
  for (const answer of answers) {
    if (answer.group === null) continue;
    const group = groups.get(answer.group) ?? [];
    groups.set(answer.group, group);
    group.push(answer);
  }
  const sorted = [...groups].sort(([name], [other]) => (name < other ? -1 : 1));
  return {
    overall: countCell(answers, explicit, minimum),
    groups: Object.fromEntries(
      sorted.map(([name, group]) => [name, countCell(group, explicit, minimum)]),
    ),
  };
}

/** @param {Answer[]} all @param {string[]} explicit @param {number} minimum @returns {Cell} */
function countCell(all, explicit, minimum) {
  const answers = differentFiles(all);
  /** @param {string | null} label */
  const isExplicit = (label) => label !== null && explicit.includes(label);
  const judged = answers.filter(({ expected }) => expected !== null);
  const safe = judged.filter(({ expected }) => !isExplicit(expected));
  const unsafe = judged.filter(({ expected }) => isExplicit(expected));
  /** @param {Answer[]} among @param {(answer: Answer) => boolean} happened */
  const rateOf = (among, happened) => rate(among.filter(happened).length, among.length);
  return {
    n: answers.length,
    enough: answers.length >= minimum,
    flagged: rateOf(answers, ({ label }) => isExplicit(label)),
    error: rateOf(judged, ({ label, expected }) => label !== expected),
    false_alarm: rateOf(safe, ({ label }) => isExplicit(label)),
    miss: rateOf(unsafe, ({ label }) => !isExplicit(label)),
    confusion: rateOf(
      judged,
      ({ label, expected }) => label !== expected && isExplicit(label) === isExplicit(expected),
    ),
  };
}

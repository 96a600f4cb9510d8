// How often a model errs, and for which group: the same figures as modeltrain/audit/evaluate.py gives.

const Z = 1.959963984540054; // of the normal distribution, 97.5 % lie below

/** A share with Wilson's interval at 95 %, as modeltrain/audit/fairness.py; null where there is no data. */
export function rate(count, n) {
  if (n === 0) return { count: 0, n: 0, rate: null, low: null, high: null };
  const share = count / n;
  const width = 1 + Z ** 2 / n;
  const centre = (share + Z ** 2 / (2 * n)) / width;
  const reach = (Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2))) / width;
  return { count, n, rate: share, low: centre - reach, high: centre + reach };
}

/**
 * Count answers by group.
 *
 * An answer is `{group, expected, label}`; `group` and `expected` are null where nobody said.
 * Returns `{overall, groups: {name: cell}}`. A cell has `n` images and, each as `rate` returns it,
 * `flagged` of all images, and of those with a right label `error`, `false_alarm`, `miss` and
 * `confusion`. With fewer than `minimum` images it does not have `enough`.
 */
export function count(answers, { explicit, minimum }) {
  const groups = new Map();
  for (const answer of answers) {
    if (answer.group === null) continue;
    if (!groups.has(answer.group)) groups.set(answer.group, []);
    groups.get(answer.group).push(answer);
  }
  const names = [...groups.keys()].sort();
  return {
    overall: cell(answers, explicit, minimum),
    groups: Object.fromEntries(
      names.map((name) => [name, cell(groups.get(name), explicit, minimum)]),
    ),
  };
}

function cell(answers, explicit, minimum) {
  const nsfw = (label) => explicit.includes(label);
  const judged = answers.filter((one) => one.expected !== null);
  const safe = judged.filter((one) => !nsfw(one.expected));
  const unsafe = judged.filter((one) => nsfw(one.expected));
  const wrong = judged.filter((one) => one.label !== one.expected);
  const among = (some, happened) => rate(some.filter(happened).length, some.length);
  return {
    n: answers.length,
    enough: answers.length >= minimum,
    flagged: among(answers, (one) => nsfw(one.label)),
    error: rate(wrong.length, judged.length),
    false_alarm: among(safe, (one) => nsfw(one.label)),
    miss: among(unsafe, (one) => !nsfw(one.label)),
    confusion: among(
      judged,
      (one) => one.label !== one.expected && nsfw(one.label) === nsfw(one.expected),
    ),
  };
}

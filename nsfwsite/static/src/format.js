// Numbers as the pages write them. modeltrain/formatting.py gives the same text for the same number.

/**
 * One decimal, rounded as Python's `format(number, ".1f")`: a tie goes to the even digit.
 * `toFixed` rounds the exact binary value too, but a tie upwards. A tie needs a value that ends in
 * exactly .25 or .75, and only at .25 do the two rules differ.
 * @param {number} magnitude zero or more
 */
function oneDecimal(magnitude) {
  return (magnitude % 1 === 0.25 ? magnitude - 0.01 : magnitude).toFixed(1);
}

/** @param {number} number */
const isNegative = (number) => number < 0 || Object.is(number, -0);

/** 0.766 is "76.6%". @param {number} rate */
export function percent(rate) {
  const value = rate * 100;
  return `${isNegative(value) ? "−" : ""}${oneDecimal(Math.abs(value))}%`;
}

/** 0.02 is "2%": for the axis of a chart. @param {number} rate */
export const wholePercent = (rate) => `${Math.round(rate * 100)}%`.replace("-", "−");

/** A range, "71.1% to 81.3%". @param {number} low @param {number} high */
export const interval = (low, high) => `${percent(low)} to ${percent(high)}`;

/** A difference of two rates in percentage points, "+3.1" or "−3.1". @param {number} difference */
export function points(difference) {
  const value = difference * 100;
  return `${isNegative(value) ? "−" : "+"}${oneDecimal(Math.abs(value))}`;
}

const MEBIBYTE = 2 ** 20;

/** "1.5 MiB". @param {number} bytes */
export const mebibytes = (bytes) => `${(bytes / MEBIBYTE).toFixed(1)} MiB`;

/** "23 MiB", rounded up. @param {number} bytes */
export const wholeMebibytes = (bytes) => `${Math.ceil(bytes / MEBIBYTE)} MiB`;

/** "22 MB", rounded up: how much a download is. @param {number} bytes */
export const megabytes = (bytes) => `${wholeMegabytes(bytes)} MB`;

/** @param {number} bytes */
export const wholeMegabytes = (bytes) => Math.ceil(bytes / 1e6);

/** "12 KiB" or "1.5 MiB". @param {number} bytes */
export const fileSize = (bytes) =>
  bytes < MEBIBYTE ? `${Math.max(1, Math.round(bytes / 1024))} KiB` : mebibytes(bytes);

/** "1 image", "1,200 images". @param {number} number @param {string} noun */
export const countOf = (number, noun) =>
  `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

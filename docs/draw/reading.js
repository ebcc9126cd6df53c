// From ink to digits: its parts, strokes that belong together, the network's answer to each.

// In typical heights, as in _parts.py and _imaging.py: what is smaller is dirt; how near two
// strokes of one digit are, and how tall and wide both may be together; lower is a stroke alone
// or no digit at all.
const DOT = 0.14;
const NEAR = 0.16;
const TALLEST = 1.4;
const WIDEST = 1.3;
const STROKE = 0.6;
const LOWEST = 0.3;
// Two tall parts are strokes of one digit only if this share of one is over the other, or if
// both together are surer than either alone, or one is no digit and both together are.
const OVER = 0.3;
// A part that the network is less sure of is no digit by itself.
const SURE = 0.9;
// How much of its sureness a digit may lose by a stroke that joins it.
const STILL = 0.8;
const MOST_STROKES = 3;
// Flatter than this is a line, which says nothing of how tall digits are.
const FLAT = 3.5;
// Two boxes are of one line when so much of the lower one's height is shared.
const SHARED = 0.4;
// More than a page is written full with.
const MOST_PARTS = 200;

/**
 * A digit that was read.
 *
 * @typedef {object} Digit
 * @property {Box} box
 * @property {Uint8Array} glyph the 28 × 28 pixels that the network saw
 * @property {Answer} answer
 * @property {number} label the most probable digit
 * @property {number} sure how probable it is
 */

/** @typedef {Digit & {members: number[]}} Candidate */

/**
 * Return a function that reads the digits of ink, line by line, each from left to right.
 *
 * @param {Network} network
 * @returns {(ink: Ink) => Digit[][]}
 */
function makeReader(network) {
  /** @type {Map<string, {glyph: Uint8Array, answer: Answer}>} */
  let known = new Map();
  return (ink) => {
    // A stroke changes one digit; the answers to the others stay.
    /** @type {typeof known} */
    const used = new Map();
    /** @type {(members: number[]) => Candidate} */
    const look = (members) => {
      const { box, strength } = partOf(ink, members);
      const key = fingerprint(strength);
      let found = known.get(key) ?? used.get(key);
      if (!found) {
        const glyph = glyphOf(strength);
        found = { glyph, answer: network(glyph) };
      }
      used.set(key, found);
      const sure = Math.max(...found.answer.probabilities);
      return { ...found, members, box, sure, label: found.answer.probabilities.indexOf(sure) };
    };
    const typical = typicalHeight(ink.parts);
    const large = ink.parts
      .map((box, i) => ({ size: Math.max(box.right - box.left, box.bottom - box.top), i }))
      .filter(({ size }) => size >= DOT * typical)
      .sort((one, other) => other.size - one.size);
    const parts = large.slice(0, MOST_PARTS).map(({ i }) => look([i + 1]));
    const whole = strokesJoined(parts, typical, look);
    known = used;
    return inLines(whole.filter(({ box }) => box.bottom - box.top >= LOWEST * typical));
  };
}

/**
 * Return the height of a digit: the median over the ink.
 *
 * @param {Box[]} boxes
 * @returns {number}
 */
function typicalHeight(boxes) {
  const parts = boxes
    .map(({ left, top, right, bottom, area }) => {
      const [height, width] = [bottom - top, right - left];
      const counts = width > FLAT * height || area < 0.05 * height * width ? 1e-6 : 1;
      return { height, weight: counts * Math.min(area, height ** 2) };
    })
    .sort((one, other) => one.height - other.height);
  const half = parts.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let sum = 0;
  return parts.find(({ weight }) => (sum += weight) >= half)?.height ?? 0;
}

/**
 * Return some parts of the ink as one, cropped.
 *
 * @param {Ink} ink
 * @param {number[]} members
 * @returns {{box: Box, strength: Field}}
 */
function partOf(ink, members) {
  const boxes = members.map((member) => ink.parts[member - 1]);
  const box = boxes.reduce((one, other) => ({
    left: Math.min(one.left, other.left),
    top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right),
    bottom: Math.max(one.bottom, other.bottom),
    area: one.area + other.area,
  }));
  const { width, data } = ink.strength;
  const isOwn = new Uint8Array(ink.parts.length + 1);
  for (const member of members) isOwn[member] = 1;
  const crop = field(box.right - box.left, box.bottom - box.top);
  const own = new Float32Array(box.area);
  let count = 0;
  for (let y = box.top, k = 0; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++, k++) {
      const i = y * width + x;
      if (!data[i]) continue;
      if (isOwn[ink.labels[i]]) own[count++] = crop.data[k] = data[i];
      // The soft edge of a stroke lies just outside of it.
      else if (!ink.labels[i] && touches(ink, x, y, box, isOwn)) crop.data[k] = data[i];
    }
  }
  // Fainter where the pen was, stronger where it stopped: most of a stroke is full ink.
  const full = quantile(own, 0.7);
  for (let k = 0; k < crop.data.length; k++) crop.data[k] = Math.min(crop.data[k] / full, 1);
  return { box, strength: crop };
}

/**
 * @param {Ink} ink
 * @param {number} x
 * @param {number} y
 * @param {Box} box
 * @param {Uint8Array} isOwn by label
 * @returns {boolean} whether a pixel of these parts lies beside
 */
function touches({ labels, strength }, x, y, box, isOwn) {
  for (let below = Math.max(y - 1, box.top); below <= y + 1 && below < box.bottom; below++) {
    for (let aside = Math.max(x - 1, box.left); aside <= x + 1 && aside < box.right; aside++) {
      if (isOwn[labels[below * strength.width + aside]]) return true;
    }
  }
  return false;
}

/**
 * Return what tells one crop from another.
 *
 * @param {Field} crop
 * @returns {string}
 */
function fingerprint({ width, height, data }) {
  let [hash, sum] = [0, 0];
  const words = new Int32Array(data.buffer);
  for (let i = 0; i < words.length; i++) {
    hash = (Math.imul(hash, 31) + words[i]) | 0;
    sum += data[i];
  }
  return [width, height, hash, sum].join();
}

/**
 * Join strokes of one digit that don't touch, where the network agrees.
 *
 * @param {Candidate[]} candidates
 * @param {number} typical
 * @param {(members: number[]) => Candidate} look
 * @returns {Candidate[]}
 */
function strokesJoined(candidates, typical, look) {
  let left = candidates;
  for (let round = 0; round < MOST_STROKES; round++) {
    /** @type {Set<Candidate>} */
    const taken = new Set();
    /** @type {Candidate[]} */
    const joined = [];
    for (const [one, other] of neighbours(left, typical)) {
      if (taken.has(one) || taken.has(other)) continue;
      const together = look([...one.members, ...other.members]);
      if (!belong(one, other, together, typical)) continue;
      taken.add(one).add(other);
      joined.push(together);
    }
    if (!joined.length) break;
    left = [...left.filter((one) => !taken.has(one)), ...joined];
  }
  return left;
}

/**
 * Return the pairs that may be strokes of one digit, the nearest first.
 *
 * @param {Candidate[]} parts
 * @param {number} typical
 * @returns {[Candidate, Candidate][]}
 */
function neighbours(parts, typical) {
  /** @type {{away: number, pair: [Candidate, Candidate]}[]} */
  const found = [];
  parts.forEach((one, i) => {
    for (const other of parts.slice(i + 1)) {
      const [a, b] = [one.box, other.box];
      const tall = Math.max(a.bottom, b.bottom) - Math.min(a.top, b.top);
      const wide = Math.max(a.right, b.right) - Math.min(a.left, b.left);
      const across = Math.max(a.left, b.left) - Math.min(a.right, b.right);
      const down = Math.max(a.top, b.top) - Math.min(a.bottom, b.bottom);
      const away = Math.hypot(Math.max(across, 0), Math.max(down, 0));
      // On a paper with few strokes, what is typical may be a stroke, and lower than a digit.
      const height = Math.max(typical, a.bottom - a.top, b.bottom - b.top);
      if (tall <= TALLEST * height && wide <= WIDEST * height && away < NEAR * height) {
        found.push({ away, pair: [one, other] });
      }
    }
  });
  return found.sort((one, other) => one.away - other.away).map(({ pair }) => pair);
}

/**
 * Tell whether two parts are strokes of one digit.
 *
 * @param {Candidate} one
 * @param {Candidate} other
 * @param {Candidate} together
 * @param {number} typical
 * @returns {boolean}
 */
function belong(one, other, together, typical) {
  const heights = [one, other].map(({ box }) => box.bottom - box.top);
  const taller = heights[0] > heights[1] ? one : other;
  // A stroke alone may look like a digit; it is enough that the whole still does.
  if (Math.min(...heights) < STROKE * typical) return together.sure > STILL * taller.sure;
  const [least, most] = [Math.min(one.sure, other.sure), Math.max(one.sure, other.sure)];
  const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
  const narrower = Math.min(one.box.right - one.box.left, other.box.right - other.box.left);
  if (across > OVER * narrower) return together.sure > STILL * least;
  return together.sure > (least < SURE ? SURE : most);
}

/**
 * Return digits by line, top to bottom, each line from left to right.
 *
 * @template {Digit} T
 * @param {T[]} digits
 * @returns {T[][]}
 */
function inLines(digits) {
  /** @type {T[][]} */
  const lines = [];
  for (const digit of [...digits].sort((one, other) => one.box.left - other.box.left)) {
    const shares = lines.map((line) => shareOfHeight(line[line.length - 1].box, digit.box));
    const best = shares.indexOf(Math.max(...shares));
    if (best >= 0 && shares[best] > SHARED) lines[best].push(digit);
    else lines.push([digit]);
  }
  return lines.sort(
    ([one], [other]) => one.box.top + one.box.bottom - other.box.top - other.box.bottom,
  );
}

/**
 * @param {Box} one
 * @param {Box} other
 * @returns {number} how much of the lower one's height both share
 */
function shareOfHeight(one, other) {
  const shared = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return shared / Math.min(one.bottom - one.top, other.bottom - other.top);
}

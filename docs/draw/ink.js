// Ink: under the strokes of a pen, and in a picture, where it differs from the paper around it.

// Less difference from the paper is no ink; nor are less than so many deviations of the noise.
const LEAST = 0.06;
const DEVIATIONS = 5;
// Fewer pixels are no ink either.
const LEAST_AREA = 6;
// Of the strength of ink: noise under it does no harm to the shape of a stroke.
const QUIET = 0.1;
// Paper is looked at in a picture whose longer side is no more than this, in a window of this
// share of its side.
const SMALL = 192;
const WINDOW = 0.6;

/** @typedef {{x: number, y: number}} Point */

/**
 * Add what a round pen covers on its way along a line.
 *
 * @param {Field} strength changed in place
 * @param {Point[]} points
 * @param {number} width of the pen
 */
function addStroke(strength, points, width) {
  points.forEach((point, i) => addSegment(strength, points[Math.max(i - 1, 0)], point, width / 2));
}

/**
 * Add what a round pen covers from one point to the next.
 *
 * @param {Field} strength changed in place
 * @param {Point} from
 * @param {Point} to
 * @param {number} radius
 */
function addSegment(strength, from, to, radius) {
  const across = to.x - from.x;
  const down = to.y - from.y;
  const squared = across * across + down * down || 1;
  const reach = radius + 1;
  const left = Math.max(Math.floor(Math.min(from.x, to.x) - reach), 0);
  const right = Math.min(Math.ceil(Math.max(from.x, to.x) + reach), strength.width);
  const top = Math.max(Math.floor(Math.min(from.y, to.y) - reach), 0);
  const bottom = Math.min(Math.ceil(Math.max(from.y, to.y) + reach), strength.height);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const aside = x + 0.5 - from.x;
      const below = y + 0.5 - from.y;
      const along = clamped((aside * across + below * down) / squared, 0, 1);
      const away = Math.sqrt((aside - along * across) ** 2 + (below - along * down) ** 2);
      const cover = Math.min(radius + 0.5 - away, 1);
      const i = y * strength.width + x;
      if (cover > strength.data[i]) strength.data[i] = cover;
    }
  }
}

/**
 * Return the ink of a picture, dark on light or light on dark; over 0.5 is ink.
 *
 * As _ink.py does it, in short: without a second look at the paper, colours or sheets.
 *
 * @param {Field} grey brightness in [0, 1]
 * @returns {Field}
 */
function inkOf(grey) {
  const small = shrunk(grey, SMALL);
  const paper = medians(small);
  const noise = noiseOf(small);
  const least = Math.max(LEAST, DEVIATIONS * noise);
  let [lighter, darker] = [0, 0];
  small.data.forEach((value, i) => {
    const away = value - paper.data[i];
    if (away > least) lighter += away;
    if (away < -least) darker -= away;
  });
  const full = resized(paper, grey.width, grey.height, lineWeights);
  const data = grey.data.map((value, i) =>
    lighter > darker ? value - full.data[i] : (full.data[i] - value) / Math.max(full.data[i], 0.1),
  );
  return thresholded(field(grey.width, grey.height, data));
}

/**
 * Keep what is more than noise, each part by its own strength: over 0.5 is ink, be it pale.
 *
 * @param {Field} away from the paper, with noise on both sides of 0
 * @returns {Field}
 */
function thresholded(away) {
  let noise = noiseOf(away);
  const strong = away.data.filter((value) => value > Math.max(LEAST, 3 * noise)).sort();
  const full = strong.length ? strong[Math.floor(0.8 * (strong.length - 1))] : 1;
  // A Gaussian of width s leaves 1 / (2 s sqrt(pi)) of the noise.
  const width = Math.min(2, noise / (2 * Math.sqrt(Math.PI) * QUIET * full));
  let smooth = away;
  if (width > 0.3) {
    smooth = filtered(away, gaussian(width));
    noise /= Math.max(1, 2 * Math.sqrt(Math.PI) * width);
  }
  const strength = field(
    away.width,
    away.height,
    smooth.data.map((value) => clamped(value, 0, 1)),
  );
  const least = Math.max(LEAST, DEVIATIONS * noise);
  const { labels, parts } = connected(strength, least);
  const means = filtered(strength, [1 / 3, 1 / 3, 1 / 3]).data;
  const peaks = new Float32Array(parts.length + 1).fill(Infinity); // paper and crumbs: nothing
  parts.forEach(({ area }, i) => {
    if (area >= LEAST_AREA) peaks[i + 1] = 0;
  });
  labels.forEach((label, i) => {
    if (label && means[i] > peaks[label]) peaks[label] = means[i];
  });
  const data = strength.data.map((value, i) => Math.min(value / peaks[labels[i]], 1));
  return { ...strength, data };
}

/**
 * Ink and its connected parts.
 *
 * @typedef {object} Ink
 * @property {Field} strength 0 is paper, 1 full ink
 * @property {Int32Array} labels 0 where there is no ink, else the number of the part, from 1
 * @property {Box[]} parts
 */

/** @typedef {{left: number, top: number, right: number, bottom: number, area: number}} Box */

/**
 * Return the parts of the ink that touch, also at corners.
 *
 * @param {Field} strength
 * @param {number} least what a pixel must exceed to be ink; 0 or more
 * @returns {Ink}
 */
function connected(strength, least) {
  const { width, height, data } = strength;
  const labels = new Int32Array(data.length);
  /** @type {Box[]} */
  const parts = [];
  /** @type {number[]} */
  const waiting = [];
  for (let seed = 0; seed < data.length; seed++) {
    if (data[seed] <= least || labels[seed]) continue;
    const box = { left: width, top: height, right: 0, bottom: 0, area: 0 };
    labels[seed] = parts.push(box);
    waiting.push(seed);
    for (let i = waiting.pop(); i !== undefined; i = waiting.pop()) {
      const x = i % width;
      const y = (i - x) / width;
      if (x < box.left) box.left = x;
      if (x >= box.right) box.right = x + 1;
      if (y < box.top) box.top = y;
      if (y >= box.bottom) box.bottom = y + 1;
      box.area++;
      const [first, last] = [x ? x - 1 : 0, x + 1 < width ? x + 1 : x];
      for (let below = y ? y - 1 : 0; below <= y + 1 && below < height; below++) {
        for (let next = below * width + first; next <= below * width + last; next++) {
          if (data[next] <= least || labels[next]) continue;
          labels[next] = parts.length;
          waiting.push(next);
        }
      }
    }
  }
  return { strength, labels, parts };
}

/**
 * Return a field whose longer side is no more than `most`.
 *
 * @param {Field} from
 * @param {number} most
 * @returns {Field}
 */
function shrunk(from, most) {
  const scale = most / Math.max(from.width, from.height);
  if (scale >= 1) return from;
  const width = Math.max(1, rounded(from.width * scale));
  return resized(from, width, Math.max(1, rounded(from.height * scale)), areaWeights);
}

/**
 * Linear interpolation.
 *
 * @param {number} from
 * @param {number} to
 * @returns {Taps}
 */
function lineWeights(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const centre = clamped(((i + 0.5) * from) / to - 0.5, 0, from - 1);
    const start = Math.min(Math.floor(centre), Math.max(from - 2, 0));
    return from > 1
      ? { start, weights: [start + 1 - centre, centre - start] }
      : { start, weights: [1] };
  });
}

/**
 * Return the median about each place, in a window that is wider than any stroke.
 *
 * Beyond its edges the field goes on as the light does: what is mirrored is mirrored in
 * brightness too, so that ink near an edge is not taken for paper.
 *
 * @param {Field} small
 * @returns {Field}
 */
function medians(small) {
  const { width, height, data } = small;
  const side = clamped(Math.trunc(WINDOW * Math.sqrt(width * height)), 3, 255) | 1;
  const reach = side >> 1;
  const [lowest, highest] = [0, 1].map((share) => quantile(data, share));
  const [across, down] = [mirrored(width, reach), mirrored(height, reach)];
  const wide = width + 2 * reach;
  const levels = new Uint8Array(wide * (height + 2 * reach));
  down.forEach(([y, edgeY], row) => {
    across.forEach(([x, edgeX], column) => {
      let value = data[y * width + x];
      if (edgeX >= 0) value = 2 * data[y * width + edgeX] - value;
      if (edgeY >= 0) {
        const edge = data[edgeY * width + x];
        value = 2 * (edgeX >= 0 ? 2 * data[edgeY * width + edgeX] - edge : edge) - value;
      }
      levels[row * wide + column] = Math.round(255 * clamped(value, lowest, highest));
    });
  });
  const found = field(width, height);
  const half = (side * side + 1) / 2;
  const counts = new Uint16Array(256);
  for (let y = 0; y < height; y++) {
    counts.fill(0);
    // Of the window, how many are under the median; it moves a few levels from place to place.
    let [median, under] = [0, 0];
    for (let x = 1 - side; x < width; x++) {
      for (let row = y; row < y + side; row++) {
        const come = levels[row * wide + x + side - 1];
        counts[come]++;
        if (come < median) under++;
        if (x < 1) continue;
        const gone = levels[row * wide + x - 1];
        counts[gone]--;
        if (gone < median) under--;
      }
      if (x < 0) continue;
      while (under >= half) under -= counts[--median];
      while (under + counts[median] < half) under += counts[median++];
      found.data[y * width + x] = median / 255;
    }
  }
  return found;
}

/**
 * Return, for each place of a side with margins, where its value comes from, and the edge that
 * it is mirrored at (-1: none).
 *
 * @param {number} length
 * @param {number} margin
 * @returns {[number, number][]}
 */
function mirrored(length, margin) {
  const last = length - 1;
  return Array.from({ length: length + 2 * margin }, (_, i) => {
    const place = i - margin;
    if (place < 0) return [Math.min(-place, last), 0];
    if (place > last) return [Math.max(2 * last - place, 0), last];
    return [place, -1];
  });
}

/**
 * Return the standard deviation of the noise from pixel to pixel (after Immerkær, 1996, with the
 * median in place of the mean, which edges would raise).
 *
 * @param {Field} grey
 * @returns {number}
 */
function noiseOf({ width, height, data }) {
  if (width < 3 || height < 3) return 0;
  const rough = new Float32Array((width - 2) * (height - 2));
  for (let y = 1, k = 0; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++, k++) {
      const i = y * width + x;
      const beside = data[i - 1] + data[i + 1] + data[i - width] + data[i + width];
      const corners =
        data[i - width - 1] + data[i - width + 1] + data[i + width - 1] + data[i + width + 1];
      rough[k] = Math.abs(4 * data[i] - 2 * beside + corners);
    }
  }
  // The kernel makes six times the deviation; half of a normal variable lies within 0.6745.
  return quantile(rough, 0.5) / (6 * 0.6745);
}

/**
 * Return what a share of the numbers does not exceed, in between two if need be, as NumPy does.
 *
 * @param {Float32Array} numbers
 * @param {number} share
 * @returns {number}
 */
function quantile(numbers, share) {
  const place = share * (numbers.length - 1);
  const low = Math.floor(place);
  // Full ink is most of a stroke: then there is no need to sort.
  const most = largest(numbers);
  let below = 0;
  for (let i = 0; i < numbers.length; i++) if (numbers[i] < most) below++;
  if (below <= low) return most;
  const sorted = Float32Array.from(numbers).sort();
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

/**
 * @param {number} width
 * @returns {number[]} a Gaussian's weights; their sum is 1
 */
function gaussian(width) {
  const reach = Math.ceil(3 * width);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - reach) / width) ** 2),
  );
  const sum = weights.reduce((one, other) => one + other, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * Return the sums over neighbours, across and down; beyond an edge lies what is at the edge.
 *
 * @param {Field} from
 * @param {number[]} weights
 * @returns {Field}
 */
function filtered(from, weights) {
  const reach = weights.length >> 1;
  return resized(from, from.width, from.height, (length) =>
    Array.from({ length }, (_, i) => {
      const start = clamped(i - reach, 0, length - 1);
      const own = new Array(clamped(i + reach, 0, length - 1) - start + 1).fill(0);
      weights.forEach((weight, k) => {
        own[clamped(i - reach + k, 0, length - 1) - start] += weight;
      });
      return { start, weights: own };
    }),
  );
}

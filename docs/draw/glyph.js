// From a drawing to the 28 × 28 pixels that the network sees, step by step as the library does
// it in _parts.py and _glyphs.py. The tests hold both to the same result.

/**
 * A field of numbers, row by row.
 *
 * @typedef {object} Field
 * @property {number} width
 * @property {number} height
 * @property {Float32Array} data
 */

const IMAGE_SIZE = 28;
// The longer side of a digit, and the size from which glyphs are laid out.
const BOX_SIZE = 20;
const WORKING_SIZE = 80;
// Strokes that would be thinner than this in the box are widened to it.
const THINNEST = 2;
const PALEST = 0.05;

/**
 * @param {number} width
 * @param {number} height
 * @param {Float32Array} [data] 0 everywhere if it is left out
 * @returns {Field}
 */
function field(width, height, data = new Float32Array(width * height)) {
  return { width, height, data };
}

/**
 * Round to the nearest whole number, and half to the even one, as Python and NumPy do.
 *
 * @param {number} value
 * @returns {number}
 */
function rounded(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 * @returns {number}
 */
function clamped(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

/**
 * @param {Float32Array} numbers
 * @returns {number} the largest, or minus infinity if there are none
 */
function largest(numbers) {
  let most = -Infinity;
  for (let i = 0; i < numbers.length; i++) if (numbers[i] > most) most = numbers[i];
  return most;
}

/**
 * Return ink that may be one digit as MNIST would have it.
 *
 * @param {Field} strength its ink alone, cropped; 0 is paper, 1 full ink
 * @returns {Uint8Array} 28 × 28; 255 is full ink
 */
function glyphOf(strength) {
  const scale = WORKING_SIZE / Math.max(strength.width, strength.height);
  const width = Math.max(1, rounded(strength.width * scale));
  const height = Math.max(1, rounded(strength.height * scale));
  const weights = scale < 1 ? areaWeights : cubicWeights;
  let ink = resized(strength, width, height, weights);
  const data = ink.data.map((value) => clamped(value, 0, 1));
  const most = Math.max(largest(data), PALEST);
  ink = field(
    width,
    height,
    data.map((value) => value / most),
  );
  const missing = (THINNEST * WORKING_SIZE) / BOX_SIZE - strokeWidth(ink);
  if (missing > 0) ink = widened(ink, rounded(missing / 2));
  return layOut(
    field(
      ink.width,
      ink.height,
      ink.data.map((value) => (value < PALEST ? 0 : value)),
    ),
  );
}

/**
 * Bring a drawing to 28 × 28: its ink in a box of 20 pixels, its centre of mass in the middle.
 *
 * @param {Field} ink 0 is paper, 1 full ink
 * @returns {Uint8Array} 28 × 28, all 0 if there is no ink
 */
function layOut(ink) {
  const image = new Uint8Array(IMAGE_SIZE * IMAGE_SIZE);
  const cropped = croppedToInk(ink);
  if (!cropped) return image;
  const scale = BOX_SIZE / Math.max(cropped.width, cropped.height);
  const width = Math.max(1, rounded(cropped.width * scale));
  const height = Math.max(1, rounded(cropped.height * scale));
  const small = resized(cropped, width, height, smoothWeights);
  let [mass, down, right] = [0, 0, 0];
  const glyph = Uint8Array.from(small.data, (value, i) => {
    const grey = rounded(Math.fround(clamped(value, 0, 1) * 255));
    mass += grey;
    down += grey * Math.floor(i / width);
    right += grey * (i % width);
    return grey;
  });
  if (!mass) return image;
  const top = clamped(rounded(IMAGE_SIZE / 2 - down / mass), 0, IMAGE_SIZE - height);
  const left = clamped(rounded(IMAGE_SIZE / 2 - right / mass), 0, IMAGE_SIZE - width);
  for (let y = 0; y < height; y++) {
    const row = glyph.subarray(y * width, (y + 1) * width);
    image.set(row, (top + y) * IMAGE_SIZE + left);
  }
  return image;
}

/**
 * @param {Field} ink
 * @returns {Field | null} null if there is none
 */
function croppedToInk({ width, height, data }) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let i = 0; i < data.length; i++) {
    if (data[i] === 0) continue;
    const x = i % width;
    const y = (i - x) / width;
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = y + 1;
  }
  if (!bottom) return null;
  const crop = field(right - left, bottom - top);
  for (let y = top; y < bottom; y++) {
    crop.data.set(data.subarray(y * width + left, y * width + right), (y - top) * crop.width);
  }
  return crop;
}

/**
 * What each pixel of a resized side is made of: where it begins, and how much of each.
 *
 * @typedef {{start: number, weights: number[]}[]} Taps
 */

/**
 * Return a field in another size: across first, then down.
 *
 * @param {Field} from
 * @param {number} width
 * @param {number} height
 * @param {(from: number, to: number) => Taps} taps
 * @returns {Field}
 */
function resized(from, width, height, taps) {
  const across = field(width, from.height);
  taps(from.width, width).forEach(({ start, weights }, x) => {
    for (let y = 0; y < from.height; y++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) {
        sum += weights[k] * from.data[y * from.width + start + k];
      }
      across.data[y * width + x] = sum;
    }
  });
  const both = field(width, height);
  taps(from.height, height).forEach(({ start, weights }, y) => {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++)
        sum += weights[k] * across.data[(start + k) * width + x];
      both.data[y * width + x] = sum;
    }
  });
  return both;
}

/**
 * Pillow's bicubic filter, which widens when it shrinks.
 *
 * @param {number} from
 * @param {number} to
 * @returns {Taps}
 */
function smoothWeights(from, to) {
  const scale = from / to;
  const wide = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const start = Math.max(Math.trunc(centre - 2 * wide + 0.5), 0);
    const end = Math.min(Math.trunc(centre + 2 * wide + 0.5), from);
    const weights = Array.from({ length: end - start }, (_, k) =>
      cubic((start + k - centre + 0.5) / wide, -0.5),
    );
    const sum = weights.reduce((one, other) => one + other, 0);
    return { start, weights: weights.map((weight) => weight / sum) };
  });
}

/**
 * OpenCV's bicubic interpolation for enlarging; beyond the edge lies what is at the edge.
 *
 * @param {number} from
 * @param {number} to
 * @returns {Taps}
 */
function cubicWeights(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(centre) - 1;
    const start = clamped(first, 0, from - 1);
    const weights = new Array(clamped(first + 3, 0, from - 1) - start + 1).fill(0);
    for (let k = first; k < first + 4; k++) {
      weights[clamped(k, 0, from - 1) - start] += cubic(k - centre, -0.75);
    }
    return { start, weights };
  });
}

/**
 * Means over areas, for making smaller.
 *
 * @param {number} from
 * @param {number} to
 * @returns {Taps}
 */
function areaWeights(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [low, high] = [i * scale, (i + 1) * scale];
    const start = Math.floor(low);
    const end = Math.min(Math.ceil(high), from);
    const weights = Array.from(
      { length: end - start },
      (_, k) => (Math.min(start + k + 1, high) - Math.max(start + k, low)) / scale,
    );
    return { start, weights };
  });
}

/**
 * Keys' cubic kernel.
 *
 * @param {number} distance
 * @param {number} a its slope at 1
 * @returns {number}
 */
function cubic(distance, a) {
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/**
 * Return how wide strokes are, in pixels: from how deep their pixels lie on average.
 *
 * @param {Field} ink
 * @returns {number}
 */
function strokeWidth({ width, height, data }) {
  // How far the next paper is, up or down; there is paper all around.
  const upright = new Int32Array(width * height);
  for (let x = 0; x < width; x++) {
    for (let y = 0, far = 0; y < height; y++) {
      far = data[y * width + x] > 0.5 ? far + 1 : 0;
      upright[y * width + x] = far;
    }
    for (let y = height - 1, far = 0; y >= 0; y--) {
      far = data[y * width + x] > 0.5 ? far + 1 : 0;
      upright[y * width + x] = Math.min(upright[y * width + x], far);
    }
  }
  let [sum, count] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let least = upright[y * width + x] ** 2;
      if (!least) continue;
      for (let aside = 1; aside * aside < least; aside++) {
        const left = x < aside ? 0 : upright[y * width + x - aside];
        const right = x + aside >= width ? 0 : upright[y * width + x + aside];
        least = Math.min(least, aside * aside + Math.min(left, right) ** 2);
      }
      sum += Math.sqrt(least);
      count++;
    }
  }
  // Across a stroke of w pixels depth is 1, 2, 3 ... and back: its mean is (w + 2) / 4.
  return count ? (4 * sum) / count - 2 : 0;
}

/**
 * Return ink whose strokes are wider by a radius on each side.
 *
 * @param {Field} ink
 * @param {number} radius in whole pixels
 * @returns {Field}
 */
function widened(ink, radius) {
  const reach = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    radius ? rounded(radius * Math.sqrt((radius ** 2 - (i - radius) ** 2) / radius ** 2)) : 0,
  );
  const wide = field(ink.width + 2 * radius, ink.height + 2 * radius);
  for (let y = 0; y < ink.height; y++) {
    for (let x = 0; x < ink.width; x++) {
      const value = ink.data[y * ink.width + x];
      if (!value) continue;
      reach.forEach((aside, down) => {
        const middle = (y + down) * wide.width + x + radius;
        for (let i = middle - aside; i <= middle + aside; i++) {
          if (wide.data[i] < value) wide.data[i] = value;
        }
      });
    }
  }
  return wide;
}

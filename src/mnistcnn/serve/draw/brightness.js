// Brightness: the gray levels of an image, which may be transparent. The choice of the background is
// that of src/mnistcnn/images/brightness.py; tests compare the results.

// Strokes are drawn on a transparent canvas if at least so much of it is transparent. They are light
// if at most so much of it is visible and dark.
const MIN_TRANSPARENT = 0.05;
const MAX_DARK = 0.001;
const WHITE = 1;
const BLACK = 0;

/**
 * Pixels as in ImageData: red, green, blue and alpha from 0 to 255, row by row.
 *
 * @typedef {{width: number, height: number, data: ArrayLike<number>}} Pixels
 */

/**
 * Return the brightness to draw an image on: white, or black if all its ink is light.
 *
 * @param {Pixels} pixels
 * @returns {number} 1 is white, 0 black
 */
function chooseBackground({ width, height, data }) {
  let [dark, light] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3] / 255;
    if (data[i] + data[i + 1] + data[i + 2] < 1.5 * 255) dark += alpha;
    else light += alpha;
  }
  const area = width * height;
  const isTransparent = dark + light <= (1 - MIN_TRANSPARENT) * area;
  return dark <= MAX_DARK * area && light > dark && isTransparent ? BLACK : WHITE;
}

/**
 * Draw an image on a background, and return its gray levels (ITU-R BT.601).
 *
 * @param {Pixels} pixels
 * @param {number} background brightness in [0, 1]
 * @returns {GrayImage} brightness in [0, 1]
 */
function toGray({ width, height, data }, background) {
  const gray = grayImage(width, height);
  for (let i = 0, k = 0; i < gray.data.length; i++, k += 4) {
    const level = (0.299 * data[k] + 0.587 * data[k + 1] + 0.114 * data[k + 2]) / 255;
    const alpha = data[k + 3] / 255;
    gray.data[i] = alpha * level + (1 - alpha) * background;
  }
  return gray;
}

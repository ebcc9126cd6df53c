// The image format of MNIST, as in src/mnistcnn/data/size_normalization.py. Tests compare the results.

const IMAGE_SIZE = 28;
// Longer side of a digit in pixels.
const BOX_SIZE = 20;

/**
 * Normalize the size and position of a digit to 28 × 28 pixels: the longer side has 20 pixels, and
 * the center of mass is in the center.
 *
 * @param {GrayImage} ink 0 is background, 1 full ink
 * @returns {Uint8Array} 28 × 28, all 0 if there is no ink
 */
function toMnistFormat(ink) {
  const image = new Uint8Array(IMAGE_SIZE * IMAGE_SIZE);
  const cropped = cropToInk(ink);
  if (!cropped) return image;
  const scale = BOX_SIZE / Math.max(cropped.width, cropped.height);
  const width = Math.max(1, round(cropped.width * scale));
  const height = Math.max(1, round(cropped.height * scale));
  const resized = resize(cropped, width, height, antialiasedBicubicTaps);
  let [mass, momentY, momentX] = [0, 0, 0];
  const digit = Uint8Array.from(resized.data, (value, i) => {
    const gray = round(Math.fround(clamp(value, 0, 1) * 255));
    mass += gray;
    momentY += gray * Math.floor(i / width);
    momentX += gray * (i % width);
    return gray;
  });
  if (!mass) return image;
  const top = clamp(round(IMAGE_SIZE / 2 - momentY / mass), 0, IMAGE_SIZE - height);
  const left = clamp(round(IMAGE_SIZE / 2 - momentX / mass), 0, IMAGE_SIZE - width);
  for (let y = 0; y < height; y++) {
    const row = digit.subarray(y * width, (y + 1) * width);
    image.set(row, (top + y) * IMAGE_SIZE + left);
  }
  return image;
}

/**
 * @param {GrayImage} ink
 * @returns {GrayImage | null} null if there is no ink
 */
function cropToInk({ width, height, data }) {
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
  const crop = grayImage(right - left, bottom - top);
  for (let y = top; y < bottom; y++) {
    crop.data.set(data.subarray(y * width + left, y * width + right), (y - top) * crop.width);
  }
  return crop;
}

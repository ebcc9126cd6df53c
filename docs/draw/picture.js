// A picture from outside: its ink, put where the picture lies on the paper.

// How much finer than the paper's own the field for a picture may be.
const FINEST = 3;

/**
 * Return where a picture lies that is as large as fits and in the middle.
 *
 * @param {{width: number, height: number}} picture
 * @param {{width: number, height: number}} into
 */
function fitted(picture, into) {
  const scale = Math.min(into.width / picture.width, into.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  return { left: (into.width - width) / 2, top: (into.height - height) / 2, width, height };
}

/**
 * Find the ink of a picture, and put it where the picture lies on the paper.
 *
 * @param {ImageBitmap} bitmap
 * @returns {Picture}
 */
function pictureOf(bitmap) {
  const scale = clamped(
    Math.max(bitmap.width / PAPER.width, bitmap.height / PAPER.height),
    1,
    FINEST,
  );
  const whole = field(Math.round(PAPER.width * scale), Math.round(PAPER.height * scale));
  const place = fitted(bitmap, whole);
  const [width, height] = [place.width, place.height].map((side) => Math.max(1, Math.round(side)));
  const pen = penOf(Object.assign(document.createElement("canvas"), { width, height }));
  pen.fillStyle = "#fff"; // what is transparent lies on white
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, width, height);
  const { data } = pen.getImageData(0, 0, width, height);
  const grey = field(width, height);
  for (let i = 0; i < grey.data.length; i++) {
    grey.data[i] = (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255;
  }
  const own = inkOf(grey);
  const [left, top] = [Math.floor(place.left), Math.floor(place.top)];
  for (let y = 0; y < Math.min(height, whole.height); y++) {
    const row = own.data.subarray(y * width, y * width + Math.min(width, whole.width));
    whole.data.set(row, (top + y) * whole.width + left);
  }
  return { kind: "picture", bitmap, scale, ink: whole };
}

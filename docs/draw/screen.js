// What is shown: the paper, the bars, the glyph and the maps.

// Maps stand side by side in so many.
const COLUMNS = 8;

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page must have a ${kind.name} #${id}`);
  return found;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 */
function penOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("the browser must be able to draw on a canvas");
  return context;
}

/**
 * @param {string} name
 * @returns {string} what a property of the style is, in the theme in use
 */
function styled(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * @param {number} share
 * @returns {string}
 */
function percent(share) {
  // What is not certain is not called 100 %.
  const digits = share > 0.9995 && share < 1 ? 2 : 1;
  return `${Math.min(100 * share, share < 1 ? 99.99 : 100).toFixed(digits)}\u00a0%`;
}

/**
 * @param {string} tag
 * @param {string} name of its class, or none
 * @param {string} [text]
 * @returns {HTMLElement}
 */
function made(tag, name, text = "") {
  const found = document.createElement(tag);
  if (name) found.className = name;
  found.textContent = text;
  return found;
}

/**
 * Paint the paper: a picture, strokes, and a box about each of several digits.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Sheet} sheet
 * @param {Digit[]} digits
 * @param {Digit | undefined} chosen
 * @returns {CanvasRenderingContext2D} to paint more with, in units of the paper
 */
function paintPaper(canvas, sheet, digits, chosen) {
  // In the screen's own pixels, however it is zoomed.
  const size = canvas.getBoundingClientRect().width;
  const sharp = Math.max(1, Math.round(size * devicePixelRatio)) / PAPER.width;
  const [width, height] = [PAPER.width, PAPER.height].map((side) => Math.round(side * sharp));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = penOf(canvas);
  pen.setTransform(sharp, 0, 0, sharp, 0, 0);
  pen.clearRect(0, 0, PAPER.width, PAPER.height);
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = styled(sheet.content[0]?.kind === "picture" ? "--accent" : "--ink");
  pen.globalAlpha = sheet.example ? 0.75 : 1;
  for (const deed of sheet.content) {
    if (deed.kind === "stroke") {
      const { 0: first } = deed.points;
      pen.lineWidth = deed.width;
      pen.beginPath();
      pen.moveTo(first.x, first.y);
      for (const { x, y } of deed.points) pen.lineTo(x, y);
      pen.stroke();
    } else {
      const place = fitted(deed.bitmap, PAPER);
      pen.drawImage(deed.bitmap, place.left, place.top, place.width, place.height);
    }
  }
  pen.globalAlpha = 1;
  if (digits.length > 1) {
    for (const digit of digits) {
      paintBox(pen, digit, sheet.scale, digit === chosen, digits.length < 30);
    }
  }
  return pen;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Digit} digit
 * @param {number} scale
 * @param {boolean} isChosen
 * @param {boolean} isLabelled
 */
function paintBox(pen, { box, label }, scale, isChosen, isLabelled) {
  const [left, top] = [box.left / scale - 5, box.top / scale - 5];
  const [right, bottom] = [box.right / scale + 5, box.bottom / scale + 5];
  const [across, down] = [left + 2, top > 17 ? top - 5 : bottom + 14];
  const colour = styled(isChosen ? "--accent" : "--quiet");
  const width = isChosen ? 2.5 : 1;
  pen.beginPath();
  pen.roundRect(left, top, right - left, bottom - top, 5);
  // A picture may have any shade there, so all is drawn on a light or dark edge of its own.
  pen.strokeStyle = styled("--sheet");
  pen.lineWidth = width + 3;
  pen.stroke();
  pen.font = "600 13px system-ui, sans-serif";
  if (isLabelled) pen.strokeText(`${label}`, across, down);
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = width;
  pen.stroke();
  if (isLabelled) pen.fillText(`${label}`, across, down);
}

/**
 * Make ten bars, and return what sets them.
 *
 * @param {HTMLElement} list
 * @returns {(probabilities: Float32Array) => void}
 */
function makeBars(list) {
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const row = made("li", "");
    const track = made("div", "track");
    const bar = made("div", "bar");
    const value = made("span", "");
    track.append(bar);
    row.append(made("span", "", `${digit}`), track, value);
    list.append(row);
    return { row, bar, value };
  });
  return (probabilities) => {
    const most = Math.max(...probabilities);
    rows.forEach(({ row, bar, value }, digit) => {
      const { [digit]: share } = probabilities;
      row.classList.toggle("most", share > 0 && share === most);
      bar.style.transform = `scaleX(${share})`;
      value.textContent = most ? percent(share) : "";
    });
  };
}

/**
 * Paint a glyph large, with the grid of its pixels.
 *
 * @param {Uint8Array} glyph
 */
function paintGlyph(glyph) {
  const cell = 12;
  const canvas = element("glyph", HTMLCanvasElement);
  if (canvas.width !== 28 * cell + 1) canvas.width = canvas.height = 28 * cell + 1;
  const pen = penOf(canvas);
  const shades = shadesOf();
  const image = pen.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer).fill(shades[20]);
  glyph.forEach((grey, i) => {
    const corner = (Math.floor(i / 28) * cell + 1) * canvas.width + (i % 28) * cell + 1;
    for (let y = 0; y < cell - 1; y++) {
      pixels.fill(shades[grey], corner + y * canvas.width, corner + y * canvas.width + cell - 1);
    }
  });
  pen.putImageData(image, 0, 0);
}

/**
 * Paint the maps of a convolution side by side; the strongest answer of all has the full
 * shade, and a quarter of it half the shade.
 *
 * @param {string} id
 * @param {Float32Array} maps side × side × channels
 * @param {number} side
 */
function paintMaps(id, maps, side) {
  const channels = maps.length / side ** 2;
  const canvas = element(id, HTMLCanvasElement);
  const [width, height] = [COLUMNS, channels / COLUMNS].map((count) => count * (side + 1) + 1);
  if (canvas.width !== width) Object.assign(canvas, { width, height });
  const pen = penOf(canvas);
  const shades = shadesOf();
  const image = pen.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const most = Math.max(largest(maps), 1e-9);
  for (let channel = 0; channel < channels; channel++) {
    const left = (channel % COLUMNS) * (side + 1) + 1;
    const top = Math.floor(channel / COLUMNS) * (side + 1) + 1;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const value = maps[(y * side + x) * channels + channel];
        pixels[(top + y) * width + left + x] = shades[Math.round(255 * Math.sqrt(value / most))];
      }
    }
  }
  pen.putImageData(image, 0, 0);
}

/** @type {Map<string, Uint32Array>} */
const SHADES = new Map();

/**
 * Return the theme's 256 shades from nothing to the strongest, as pixels of a canvas.
 *
 * @returns {Uint32Array}
 */
function shadesOf() {
  const stops = [0, 1, 2].map((i) => styled(`--map-${i}`));
  let shades = SHADES.get(stops.join());
  if (!shades) {
    const colours = stops.map((stop) =>
      [1, 3, 5].map((at) => parseInt(stop.slice(at, at + 2), 16)),
    );
    shades = new Uint32Array(256).map((_, level) => {
      const place = (2 * level) / 255;
      const from = Math.min(Math.floor(place), 1);
      const [red, green, blue] = [0, 1, 2].map((part) =>
        Math.round(
          colours[from][part] + (place - from) * (colours[from + 1][part] - colours[from][part]),
        ),
      );
      return new Uint32Array(Uint8ClampedArray.of(red, green, blue, 255).buffer)[0];
    });
    SHADES.set(stops.join(), shades);
  }
  return shades;
}

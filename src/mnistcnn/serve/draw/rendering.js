// Rendering: the canvas, the class probabilities, the network input and the feature maps.

// Number of feature maps per row.
const NUM_COLUMNS = 8;
// Side of a pixel of the network input on the screen, with a grid line.
const CELL_SIZE = 12;
// Number of digits up to which boxes on the canvas have labels.
const MAX_LABELED_BOXES = 29;

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function getElement(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page must have a ${type.name} #${id}`);
  return element;
}

/**
 * @param {string} tag
 * @param {string} className may be empty
 * @param {string} [text]
 * @returns {HTMLElement}
 */
function createElement(tag, className, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 */
function getContext(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("the browser must support 2D canvases");
  return context;
}

/**
 * @param {string} name
 * @returns {string} value of a CSS variable in the current theme
 */
function cssVariable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * @param {number} probability
 * @returns {string} never rounded up to 100 %
 */
function formatPercent(probability) {
  const decimals = probability > 0.9995 && probability < 1 ? 2 : 1;
  const max = probability < 1 ? 99.99 : 100;
  return `${Math.min(100 * probability, max).toFixed(decimals)}\u00a0%`;
}

/**
 * Describe the confidence of a digit.
 *
 * @param {Digit} digit
 * @returns {string}
 */
function describeConfidence({ text, label, isDigit, confidence }) {
  if (text !== DOUBTFUL_MARK) return formatPercent(confidence);
  if (isDigit >= 0.5) return `uncertain: ${label}, ${formatPercent(confidence)}`;
  return `probably not a digit: ${formatPercent(1 - isDigit)}`;
}

/**
 * Draw the image, the strokes and, for several digits, their boxes.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Drawing} drawing
 * @param {Digit[]} digits
 * @param {Digit | undefined} selected
 * @returns {CanvasRenderingContext2D} in units of the drawing
 */
function renderCanvas(canvas, drawing, digits, selected) {
  // At the resolution of the screen, whatever the zoom.
  const screenWidth = canvas.getBoundingClientRect().width;
  const resolution = Math.max(1, Math.round(screenWidth * devicePixelRatio)) / CANVAS.width;
  const [width, height] = [CANVAS.width, CANVAS.height].map((side) =>
    Math.round(side * resolution),
  );
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = getContext(canvas);
  context.setTransform(resolution, 0, 0, resolution, 0, 0);
  context.clearRect(0, 0, CANVAS.width, CANVAS.height);
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = cssVariable(drawing.content[0]?.kind === "image" ? "--accent" : "--ink");
  context.globalAlpha = drawing.example ? 0.75 : 1;
  for (const item of drawing.content) {
    if (item.kind === "stroke") {
      const { 0: first } = item.points;
      context.lineWidth = item.width;
      context.beginPath();
      context.moveTo(first.x, first.y);
      for (const { x, y } of item.points) context.lineTo(x, y);
      context.stroke();
    } else {
      const area = fitInto(item.bitmap, CANVAS);
      context.fillStyle = item.background === WHITE ? "#fff" : "#000";
      context.fillRect(area.left, area.top, area.width, area.height);
      context.drawImage(item.bitmap, area.left, area.top, area.width, area.height);
    }
  }
  context.globalAlpha = 1;
  if (digits.length > 1) {
    for (const digit of digits) {
      const hasLabel = digits.length <= MAX_LABELED_BOXES;
      renderBox(context, digit, drawing.scale, digit === selected, hasLabel);
    }
  }
  return context;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Digit} digit
 * @param {number} scale pixels of the ink per unit of the drawing
 * @param {boolean} isSelected
 * @param {boolean} hasLabel
 */
function renderBox(context, { box, text }, scale, isSelected, hasLabel) {
  const [left, top] = [box.left / scale - 5, box.top / scale - 5];
  const [right, bottom] = [box.right / scale + 5, box.bottom / scale + 5];
  const [textX, textY] = [left + 2, top > 17 ? top - 5 : bottom + 14];
  const color = cssVariable(isSelected ? "--accent" : "--muted");
  const width = isSelected ? 2.5 : 1;
  context.beginPath();
  context.roundRect(left, top, right - left, bottom - top, 5);
  // An outline in the color of the canvas keeps boxes visible on any image.
  context.strokeStyle = cssVariable("--canvas");
  context.lineWidth = width + 3;
  context.stroke();
  context.font = "600 13px system-ui, sans-serif";
  if (hasLabel) context.strokeText(text, textX, textY);
  context.strokeStyle = context.fillStyle = color;
  context.lineWidth = width;
  context.stroke();
  if (hasLabel) context.fillText(text, textX, textY);
}

/**
 * Create a bar chart of the class probabilities, and return the function that updates it.
 *
 * @param {HTMLElement} list
 * @returns {(probabilities: Float32Array) => void}
 */
function createBarChart(list) {
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const row = createElement("li", "");
    const track = createElement("div", "track");
    const bar = createElement("div", "bar");
    const value = createElement("span", "");
    track.append(bar);
    row.append(createElement("span", "", `${digit}`), track, value);
    list.append(row);
    return { row, bar, value };
  });
  return (probabilities) => {
    const max = Math.max(...probabilities);
    rows.forEach(({ row, bar, value }, digit) => {
      const { [digit]: probability } = probabilities;
      row.classList.toggle("top", probability > 0 && probability === max);
      bar.style.transform = `scaleX(${probability})`;
      value.textContent = max ? formatPercent(probability) : "";
    });
  };
}

/**
 * Draw the network input enlarged, with a pixel grid.
 *
 * @param {Uint8Array} crop 28 × 28
 */
function renderInput(crop) {
  const canvas = getElement("input", HTMLCanvasElement);
  const side = IMAGE_SIZE * CELL_SIZE + 1;
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const context = getContext(canvas);
  const colors = colormap();
  const image = context.createImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer).fill(colors[20]);
  crop.forEach((level, i) => {
    const row = Math.floor(i / IMAGE_SIZE) * CELL_SIZE + 1;
    const start = row * side + (i % IMAGE_SIZE) * CELL_SIZE + 1;
    for (let y = 0; y < CELL_SIZE - 1; y++) {
      pixels.fill(colors[level], start + y * side, start + y * side + CELL_SIZE - 1);
    }
  });
  context.putImageData(image, 0, 0);
}

/**
 * Draw the feature maps of a convolution side by side, scaled to their maximum. The square root
 * makes weak activations visible.
 *
 * @param {string} id
 * @param {Float32Array} maps side × side × channels
 * @param {number} side
 */
function renderFeatureMaps(id, maps, side) {
  const channels = maps.length / side ** 2;
  const canvas = getElement(id, HTMLCanvasElement);
  const [width, height] = [NUM_COLUMNS, channels / NUM_COLUMNS].map(
    (count) => count * (side + 1) + 1,
  );
  if (canvas.width !== width) Object.assign(canvas, { width, height });
  const context = getContext(canvas);
  const colors = colormap();
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const max = Math.max(maximum(maps), 1e-9);
  for (let channel = 0; channel < channels; channel++) {
    const left = (channel % NUM_COLUMNS) * (side + 1) + 1;
    const top = Math.floor(channel / NUM_COLUMNS) * (side + 1) + 1;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const value = maps[(y * side + x) * channels + channel];
        pixels[(top + y) * width + left + x] = colors[Math.round(255 * Math.sqrt(value / max))];
      }
    }
  }
  context.putImageData(image, 0, 0);
}

/** @type {Map<string, Uint32Array>} */
const COLORMAPS = new Map();

/**
 * Return the 256 colors of the current theme's colormap, as pixels of a canvas.
 *
 * @returns {Uint32Array}
 */
function colormap() {
  const stops = [0, 1, 2].map((i) => cssVariable(`--map-${i}`));
  let colors = COLORMAPS.get(stops.join());
  if (!colors) {
    const rgb = stops.map((stop) => [1, 3, 5].map((i) => parseInt(stop.slice(i, i + 2), 16)));
    colors = new Uint32Array(256).map((_, level) => {
      const position = (2 * level) / 255;
      const i = Math.min(Math.floor(position), 1);
      const [red, green, blue] = [0, 1, 2].map((channel) =>
        Math.round(rgb[i][channel] + (position - i) * (rgb[i + 1][channel] - rgb[i][channel])),
      );
      return new Uint32Array(Uint8ClampedArray.of(red, green, blue, 255).buffer)[0];
    });
    COLORMAPS.set(stops.join(), colors);
  }
  return colors;
}

// The page: what a visitor does to the paper, and what is shown of the answer.

// Strokes are kept in a field of this size, whatever size the paper has on the screen; a
// picture may need a finer one.
const PAPER = { width: 480, height: 320 };
const FINEST = 3;
// A keyboard moves the pen by this; with Shift by three times as much.
const STEP = 10;
// A 3 to begin with, so that there is something to see at once: two bows, each with its middle,
// radius, and the angles between which it runs.
const EXAMPLE = [
  { x: 238, y: 107, radius: 44, from: -2.6, to: 1.7 },
  { x: 236, y: 206, radius: 56, from: -1.5, to: 2.6 },
];

/** @typedef {{kind: "stroke", points: Point[], width: number}} Stroke */
/** @typedef {{kind: "picture", bitmap: ImageBitmap, scale: number, ink: Field}} Picture */
/** @typedef {Stroke | Picture | {kind: "clear"}} Deed */

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
 * Start the page.
 *
 * @param {string} weights in base64
 */
function start(weights) {
  const began = performance.now();
  const read = makeReader(makeNetwork(decoded(weights)));
  const paper = element("paper", HTMLCanvasElement);
  const undo = element("undo", HTMLButtonElement);
  const clear = element("clear", HTMLButtonElement);
  const penWidth = element("pen", HTMLInputElement);
  const file = element("file", HTMLInputElement);
  const hint = element("hint", HTMLElement);
  const said = element("said", HTMLElement);
  const spoken = element("spoken", HTMLElement);
  const problem = element("problem", HTMLElement);
  const digitButtons = element("digits", HTMLElement);
  const bars = makeBars(element("bars", HTMLElement));
  const time = element("time", HTMLElement);

  /** @type {Deed[]} */
  const deeds = [];
  /** @type {Stroke | null} */
  let example = { kind: "stroke", points: EXAMPLE.flatMap(bow), width: 26 };
  /** @type {Stroke | null} */
  let stroke = null;
  let ink = field(PAPER.width, PAPER.height);
  let scale = 1;
  /** @type {Digit[][]} */
  let lines = [];
  let chosen = 0;
  /** @type {(Point & {down: boolean}) | null} */
  let keys = null;
  let waiting = false;
  let painted = false;

  /** @returns {(Stroke | Picture)[]} what is on the paper now */
  function onPaper() {
    if (example) return [example];
    /** @type {(Stroke | Picture)[]} */
    const found = [];
    for (let i = deeds.length - 1; i >= 0; i--) {
      const deed = deeds[i];
      if (deed.kind === "clear") break;
      found.unshift(deed);
      if (deed.kind === "picture") break;
    }
    return found;
  }

  /** Cover the ink anew, after something was taken away. */
  function recover() {
    const [first] = onPaper();
    scale = first?.kind === "picture" ? first.scale : 1;
    ink = field(Math.round(PAPER.width * scale), Math.round(PAPER.height * scale));
    for (const deed of onPaper()) {
      if (deed.kind === "picture") ink.data.set(deed.ink.data);
      else cover(deed.points, deed.width);
    }
  }

  /**
   * @param {Point[]} points
   * @param {number} width
   */
  function cover(points, width) {
    addStroke(
      ink,
      points.map(({ x, y }) => ({ x: x * scale, y: y * scale })),
      width * scale,
    );
  }

  /** Read the paper and show the answer. */
  function update() {
    const began = performance.now();
    lines = read(connected(ink, 0.5));
    const digits = lines.flat();
    const last = stroke?.points.at(-1);
    const under = last ? digits.findIndex(({ box }) => holds(box, last)) : -1;
    chosen = under >= 0 ? under : Math.min(chosen, Math.max(digits.length - 1, 0));
    show();
    if (painted) paint();
    performance.clearMeasures("read");
    const took = performance.measure("read", { start: began }).duration;
    time.textContent = digits.length ? `Read and shown in ${took.toFixed(1)} ms.` : "";
  }

  /**
   * @param {Box} box
   * @param {Point} point
   */
  function holds({ left, top, right, bottom }, { x, y }) {
    return x * scale >= left && x * scale < right && y * scale >= top && y * scale < bottom;
  }

  /** Say aloud what was read, once a stroke has ended. */
  function speak() {
    const digits = lines.flat();
    const text = lines.map((line) => line.map(({ label }) => label).join(" ")).join(", ");
    if (!digits.length) spoken.textContent = "The paper is blank.";
    else if (digits.length > 1) spoken.textContent = `I read ${digits.length} digits: ${text}`;
    else spoken.textContent = `I read ${articled(digits[0].label)}, ${percent(digits[0].sure)}`;
  }

  /** Show the answer as text, bars, glyph and maps. */
  function show() {
    const digits = lines.flat();
    const digit = digits[chosen];
    const alone = digits.length === 1;
    said.textContent = digits.length
      ? lines.map((line) => line.map(({ label }) => label).join(alone ? "" : " ")).join("\n")
      : "–";
    said.classList.toggle("long", digits.length > 12);
    if (alone)
      said.append(
        Object.assign(document.createElement("small"), { textContent: percent(digit.sure) }),
      );
    else if (!digits.length)
      said.append(
        Object.assign(document.createElement("small"), { textContent: "nothing to read yet" }),
      );
    showChoice(digits);
    bars(digit?.answer.probabilities ?? new Float32Array(10));
    paintGlyph(digit?.glyph ?? new Uint8Array(28 * 28));
    paintMaps("conv1", digit?.answer.conv1 ?? new Float32Array(26 * 26 * 32), 26, 8);
    paintMaps("conv2", digit?.answer.conv2 ?? new Float32Array(11 * 11 * 64), 11, 8);
    undo.disabled = !deeds.length;
    clear.disabled = !example && !onPaper().length;
    hint.hidden = !example;
  }

  /**
   * Offer the digits to choose from; the buttons stay, so that focus does.
   *
   * @param {Digit[]} digits
   */
  function showChoice(digits) {
    const count = digits.length > 1 ? digits.length : 0;
    while (digitButtons.children.length > count) digitButtons.lastElementChild?.remove();
    for (let i = digitButtons.children.length; i < count; i++) {
      const button = document.createElement("button");
      button.type = "button";
      button.addEventListener("click", () => {
        chosen = i;
        paint();
        show();
      });
      digitButtons.append(button);
    }
    Array.from(digitButtons.children).forEach((button, i) => {
      button.textContent = `${digits[i].label}`;
      button.setAttribute("aria-label", `${digits[i].label}, ${percent(digits[i].sure)}`);
      button.setAttribute("aria-pressed", `${i === chosen}`);
    });
  }

  /** Paint the paper: a picture, strokes, boxes about several digits, the keyboard's pen. */
  function paint() {
    painted = true;
    const size = paper.getBoundingClientRect().width;
    const sharp = Math.max(1, Math.round(size * devicePixelRatio)) / PAPER.width;
    const [width, height] = [Math.round(PAPER.width * sharp), Math.round(PAPER.height * sharp)];
    if (paper.width !== width || paper.height !== height) Object.assign(paper, { width, height });
    const pen = penOf(paper);
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, PAPER.width, PAPER.height);
    pen.lineCap = pen.lineJoin = "round";
    const all = stroke ? [...onPaper(), stroke] : onPaper();
    const onPicture = all[0]?.kind === "picture";
    for (const deed of all) {
      if (deed.kind === "picture") {
        const { left, top, width: wide, height: high } = fitted(deed.bitmap, PAPER);
        pen.drawImage(deed.bitmap, left, top, wide, high);
        continue;
      }
      pen.strokeStyle = styled(onPicture ? "--accent" : "--ink");
      pen.globalAlpha = deed === example ? 0.75 : 1;
      pen.lineWidth = deed.width;
      pen.beginPath();
      deed.points.forEach(({ x, y }) => pen.lineTo(x, y));
      if (deed.points.length === 1) pen.lineTo(deed.points[0].x, deed.points[0].y);
      pen.stroke();
      pen.globalAlpha = 1;
    }
    const digits = lines.flat();
    if (digits.length > 1) digits.forEach((digit, i) => paintBox(pen, digit, i === chosen));
    if (keys && document.activeElement === paper) {
      pen.strokeStyle = styled("--accent");
      pen.lineWidth = keys.down ? 4 : 2;
      pen.beginPath();
      pen.arc(keys.x, keys.y, Number(penWidth.value) / 2 + 3, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {Digit} digit
   * @param {boolean} isChosen
   */
  function paintBox(pen, { box, label }, isChosen) {
    const [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom].map(
      (edge) => edge / scale,
    );
    pen.strokeStyle = pen.fillStyle = styled(isChosen ? "--accent" : "--quiet");
    pen.lineWidth = isChosen ? 2.5 : 1;
    pen.beginPath();
    pen.roundRect(left - 5, top - 5, right - left + 10, bottom - top + 10, 5);
    pen.stroke();
    pen.font = "600 13px system-ui, sans-serif";
    if (lines.flat().length < 30)
      pen.fillText(`${label}`, left - 3, top > 22 ? top - 10 : bottom + 19);
  }

  /** Read and paint once in a frame, however many events came. */
  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update();
    });
  }

  /** @param {Point} point */
  function begin(point) {
    problem.textContent = "";
    if (example) {
      example = null;
      recover();
    }
    stroke = { kind: "stroke", points: [point], width: Number(penWidth.value) };
    cover([point], stroke.width);
    soon();
  }

  /** @param {Point[]} points */
  function go(points) {
    if (!stroke || !points.length) return;
    const { [stroke.points.length - 1]: last } = stroke.points;
    cover([last, ...points], stroke.width);
    stroke.points.push(...points);
    soon();
  }

  function end() {
    if (!stroke) return;
    deeds.push(stroke);
    update();
    stroke = null;
    speak();
  }

  /** Something other than a stroke was done or undone. */
  function changed() {
    if (stroke) {
      deeds.push(stroke);
      stroke = null;
    }
    if (keys) keys.down = false;
    recover();
    update();
    speak();
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  function placeOf(event) {
    const { left, top, width, height } = paper.getBoundingClientRect();
    return {
      x: ((event.clientX - left) / width) * PAPER.width,
      y: ((event.clientY - top) / height) * PAPER.height,
    };
  }

  paper.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || (stroke && !keys?.down)) return;
    end();
    keys = null;
    paper.setPointerCapture(event.pointerId);
    begin(placeOf(event));
  });
  paper.addEventListener("pointermove", (event) => {
    if (!paper.hasPointerCapture(event.pointerId)) return;
    const all = event.getCoalescedEvents?.() ?? [];
    go((all.length ? all : [event]).map(placeOf));
  });
  paper.addEventListener("lostpointercapture", end);

  /** @type {Record<string, [number, number]>} */
  const ways = {
    ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    Home: [-1, -1], End: [-1, 1], PageUp: [1, -1], PageDown: [1, 1],
  };
  paper.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { [event.key]: way } = ways;
    keys ??= { x: PAPER.width / 2, y: PAPER.height / 4, down: false };
    if (way) {
      const far = event.shiftKey ? 3 * STEP : STEP;
      keys.x = clamped(keys.x + far * way[0], 0, PAPER.width);
      keys.y = clamped(keys.y + far * way[1], 0, PAPER.height);
      if (keys.down) go([{ x: keys.x, y: keys.y }]);
      else paint();
    } else if (event.key === " ") {
      keys.down = !keys.down;
      if (keys.down) {
        begin({ x: keys.x, y: keys.y });
        spoken.textContent = "The pen is down.";
      } else end();
    } else if (event.key === "Escape" && keys.down) {
      keys.down = false;
      end();
    } else if (event.key === "Backspace") undo.click();
    else if (event.key === "Delete") clear.click();
    else return;
    event.preventDefault();
  });
  paper.addEventListener("focus", () => {
    if (paper.matches(":focus-visible"))
      keys ??= { x: PAPER.width / 2, y: PAPER.height / 4, down: false };
    paint();
  });
  paper.addEventListener("blur", () => {
    if (keys?.down) {
      keys.down = false;
      end();
    }
    paint();
  });

  undo.addEventListener("click", () => {
    if (stroke) changed();
    deeds.pop();
    changed();
  });
  clear.addEventListener("click", () => {
    if (example) example = null;
    else if (onPaper().length || stroke) {
      changed();
      deeds.push({ kind: "clear" });
    }
    problem.textContent = "";
    changed();
  });

  /** @param {Blob | null | undefined} blob */
  async function open(blob) {
    if (!blob) return;
    problem.textContent = "";
    try {
      const picture = pictureOf(await createImageBitmap(blob));
      if (stroke) changed();
      example = null;
      chosen = 0;
      deeds.push(picture);
      changed();
      if (!lines.length) problem.textContent = "No digits were found in this picture.";
    } catch {
      problem.textContent = "This file is not a picture that the browser can open.";
    }
  }

  file.addEventListener("change", async () => {
    await open(file.files?.[0]);
    file.value = ""; // so that the same file can be opened again
  });
  document.addEventListener("paste", (event) => open(event.clipboardData?.files[0]));
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      paper.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    document.addEventListener(kind, () => paper.classList.remove("over"));
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    open(event.dataTransfer?.files[0]);
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    paint();
    show();
  });
  // It paints at once, too, as soon as the page is laid out; the answer need not wait for that.
  new ResizeObserver(paint).observe(paper);
  recover();
  update();
  performance.measure("first answer", { start: began });
}

/**
 * @param {{x: number, y: number, radius: number, from: number, to: number}} bow
 * @returns {Point[]}
 */
function bow({ x, y, radius, from, to }) {
  return Array.from({ length: 41 }, (_, i) => {
    const angle = from + ((to - from) * i) / 40;
    return { x: x + radius * Math.cos(angle), y: y + radius * Math.sin(angle) };
  });
}

/**
 * @param {number} label
 * @returns {string}
 */
function articled(label) {
  return label === 8 ? "an 8" : `a ${label}`;
}

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

/**
 * Make ten bars, and return what sets them.
 *
 * @param {HTMLElement} list
 * @returns {(probabilities: Float32Array) => void}
 */
function makeBars(list) {
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const row = document.createElement("li");
    const track = Object.assign(document.createElement("div"), { className: "track" });
    const bar = Object.assign(document.createElement("div"), { className: "bar" });
    const value = document.createElement("span");
    track.append(bar);
    row.append(
      Object.assign(document.createElement("span"), { textContent: `${digit}` }),
      track,
      value,
    );
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
  const cell = 11;
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
 * @param {number} columns
 */
function paintMaps(id, maps, side, columns) {
  const channels = maps.length / side ** 2;
  const canvas = element(id, HTMLCanvasElement);
  const [width, height] = [columns, channels / columns].map((count) => count * (side + 1) + 1);
  if (canvas.width !== width) Object.assign(canvas, { width, height });
  const pen = penOf(canvas);
  const shades = shadesOf();
  const image = pen.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const most = Math.max(largest(maps), 1e-9);
  for (let channel = 0; channel < channels; channel++) {
    const left = (channel % columns) * (side + 1) + 1;
    const top = Math.floor(channel / columns) * (side + 1) + 1;
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

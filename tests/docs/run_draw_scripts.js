// Runs the scripts of the drawing page for the tests: reads one task from standard input and writes
// its result to standard output, both as JSON. Images are {width, height, data}; arrays are base64
// of float32 or uint8.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const folder = path.join(__dirname, "..", "..", "src", "mnistcnn", "serve", "draw");
const modules = [
  ...["gray_image", "brightness", "resize", "size_normalization", "digit_crop", "components", "binarization"],
  ...["network", "segmentation", "reading_order", "recognizer", "strokes", "drawing"],
];
const source = modules
  .map((name) => fs.readFileSync(path.join(folder, `${name}.js`), "utf8"))
  .join("");
const names = [
  ...["decodeFloats", "createNetwork", "createRejector", "toMnistFormat", "digitCrop", "binarize"],
  ...["connectedComponents", "createRecognizer", "drawStroke", "grayImage", "Drawing"],
  ...["chooseBackground", "toGray"],
];
const page = vm.runInThisContext(`"use strict";(() => {${source}; return { ${names} }; })()`);

const decodeBytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const encode = (array) =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");
const decodeImage = ({ width, height, data }) =>
  page.grayImage(width, height, page.decodeFloats(data));

const tasks = {
  // Feature maps are returned for the first `numMaps` images.
  network({ weights, images, numMaps }) {
    const network = page.createNetwork(page.decodeFloats(weights));
    const pixels = decodeBytes(images);
    const outputs = [];
    for (let start = 0; start < pixels.length; start += 28 * 28) {
      outputs.push(network(pixels.subarray(start, start + 28 * 28)));
    }
    return {
      probabilities: outputs.map(({ probabilities }) => encode(probabilities)),
      conv1: outputs.slice(0, numMaps).map(({ conv1 }) => encode(conv1)),
      conv2: outputs.slice(0, numMaps).map(({ conv2 }) => encode(conv2)),
    };
  },
  rejector({ weights, images }) {
    const rejector = page.createRejector(page.decodeFloats(weights));
    const pixels = decodeBytes(images);
    const scores = [];
    for (let start = 0; start < pixels.length; start += 28 * 28) {
      scores.push(rejector(pixels.subarray(start, start + 28 * 28)));
    }
    return scores;
  },
  toMnistFormat: ({ images }) =>
    images.map((image) => encode(page.toMnistFormat(decodeImage(image)))),
  digitCrop: ({ images }) => images.map((image) => encode(page.digitCrop(decodeImage(image)))),
  connectedComponents({ images }) {
    return images.map((image) => {
      const { labels, components } = page.connectedComponents(decodeImage(image), 0.5);
      return { labels: Array.from(labels), components };
    });
  },
  binarize({ images }) {
    return images.map((image) => {
      const ink = page.binarize(decodeImage(image));
      const { strength, components } = page.connectedComponents(ink, 0.5);
      return { strength: encode(strength.data), numComponents: components.length };
    });
  },
  // The pixels are red, green, blue and alpha from 0 to 255.
  brightness({ images }) {
    return images.map(({ width, height, data }) => {
      const pixels = { width, height, data: decodeBytes(data) };
      const background = page.chooseBackground(pixels);
      return { background, gray: encode(page.toGray(pixels, background).data) };
    });
  },
  // `numCalls` counts the calls of the network per image.
  recognize({ weights, rejectorWeights, images, areInk }) {
    const network = page.createNetwork(page.decodeFloats(weights));
    let numCalls = 0;
    const recognize = page.createRecognizer((image) => {
      numCalls++;
      return network(image);
    }, page.createRejector(page.decodeFloats(rejectorWeights)));
    return images.map((image) => {
      const ink = areInk ? decodeImage(image) : page.binarize(decodeImage(image));
      numCalls = 0;
      const lines = recognize(page.connectedComponents(ink, 0.5));
      const digits = lines.map((line) =>
        line.map(({ label, confidence, isDigit, text, box, crop, probabilities }) => ({
          ...{ label, confidence, isDigit, text, box },
          ...{ crop: encode(crop), probabilities: encode(probabilities) },
        })),
      );
      return { digits, numCalls };
    });
  },
  // An action is [method, ...arguments]; an image has its scale and its ink as arguments.
  drawing({ actions }) {
    const drawing = new page.Drawing();
    return actions.map(([method, ...args]) => {
      if (method === "showImage") {
        const [scale, ink] = args;
        drawing.showImage({ kind: "image", bitmap: {}, background: 1, scale, ink: decodeImage(ink) });
      } else if (method) drawing[method](...args);
      const { ink, scale, canUndo, content } = drawing;
      const { width, height, data } = ink;
      const kinds = content.map(({ kind }) => kind);
      return { width, height, data: encode(data), scale, canUndo, kinds };
    });
  },
  drawStrokes({ width, height, strokes }) {
    const strength = page.grayImage(width, height);
    for (const { points, penWidth } of strokes) {
      page.drawStroke(
        strength,
        points.map(([x, y]) => ({ x, y })),
        penWidth,
      );
    }
    return encode(strength.data);
  },
};

const { task, ...input } = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(tasks[task](input)));

// What the scripts of the page for drawing compute, for the tests: one task on standard input,
// one answer on standard output, both JSON. Fields are {width, height, data}; numbers travel as
// base64 of float32 or, for images, of bytes.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const folder = path.join(__dirname, "..", "..", "docs", "draw");
const scripts = ["network.js", "glyph.js", "ink.js", "reading.js", "sheet.js"];
const source = scripts.map((name) => fs.readFileSync(path.join(folder, name), "utf8")).join("");
const names =
  "{ decoded, makeNetwork, layOut, glyphOf, inkOf, connected, makeReader, addStroke, field, Sheet }";
const page = vm.runInThisContext(`"use strict";(() => {${source}; return ${names}; })()`);

const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const text = (array) =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");
const fieldOf = ({ width, height, data }) => page.field(width, height, page.decoded(data));

const tasks = {
  network({ weights, images, shown }) {
    const network = page.makeNetwork(page.decoded(weights));
    const all = bytes(images);
    const answers = [];
    for (let first = 0; first < all.length; first += 28 * 28) {
      answers.push(network(all.subarray(first, first + 28 * 28)));
    }
    return {
      probabilities: answers.map(({ probabilities }) => text(probabilities)),
      conv1: answers.slice(0, shown).map(({ conv1 }) => text(conv1)),
      conv2: answers.slice(0, shown).map(({ conv2 }) => text(conv2)),
    };
  },
  layOut: ({ fields }) => fields.map((one) => text(page.layOut(fieldOf(one)))),
  glyphOf: ({ fields }) => fields.map((one) => text(page.glyphOf(fieldOf(one)))),
  connected({ fields }) {
    return fields.map((one) => {
      const { labels, parts } = page.connected(fieldOf(one), 0.5);
      return { labels: Array.from(labels), parts };
    });
  },
  inkOf({ fields }) {
    return fields.map((one) => {
      const { strength, parts } = page.connected(page.inkOf(fieldOf(one)), 0.5);
      return { strength: text(strength.data), parts: parts.length };
    });
  },
  read({ weights, pictures, areInk }) {
    const network = page.makeNetwork(page.decoded(weights));
    let asked = 0;
    const read = page.makeReader((image) => {
      asked++;
      return network(image);
    });
    return pictures.map((picture) => {
      const ink = areInk ? fieldOf(picture) : page.inkOf(fieldOf(picture));
      asked = 0;
      const lines = read(page.connected(ink, 0.5));
      const digits = lines.map((line) =>
        line.map(({ label, sure, box }) => ({ label, sure, box })),
      );
      return { digits, asked };
    });
  },
  // Deeds are [name of the method, ...its arguments]; a picture is its scale and its ink.
  sheet({ deeds }) {
    const sheet = new page.Sheet();
    return deeds.map(([name, ...given]) => {
      if (name === "put") {
        const [scale, ink] = given;
        sheet.put({ kind: "picture", bitmap: {}, scale, ink: fieldOf(ink) });
      } else if (name) sheet[name](...given);
      const { ink, scale, canUndo, content } = sheet;
      const kinds = content.map(({ kind }) => kind);
      return { width: ink.width, height: ink.height, data: text(ink.data), scale, canUndo, kinds };
    });
  },
  strokes({ width, height, strokes }) {
    const strength = page.field(width, height);
    for (const { points, pen } of strokes) {
      page.addStroke(
        strength,
        points.map(([x, y]) => ({ x, y })),
        pen,
      );
    }
    return text(strength.data);
  },
};

const { task, ...input } = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(tasks[task](input)));

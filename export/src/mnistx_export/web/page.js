// The page: what a person does, and what they see of it.

import { Board } from "./board.js";
import { openModel } from "./model.js";
import { holdsFiles, pictureAmong, pixelsOf } from "./pictures.js";

const SURE = 0.5; // below which an answer is called unsure, as mnistx predict does
const MOST_BARS = 10;
const MOST_SHOWN = 1440; // pixels a side of a picture on the page

const byId = (id) => document.getElementById(id);
const view = { model: null, board: null, result: null, chosen: 0, picture: null };

start();

async function start() {
  const source = { metadata: byId("mnistx-metadata").textContent, model: byId("mnistx-model").textContent };
  try {
    view.model = await openModel(source);
  } catch (error) {
    showFailure(error.message);
    return;
  }
  showModel(view.model);
  listen();
  show({ found: [], reason: "" });
}

function showFailure(reason) {
  byId("check").textContent = "Self-check failed";
  byId("check").dataset.state = "failed";
  byId("failure-reason").textContent = reason;
  byId("failure").hidden = false;
}

function showModel({ metadata, build, findsDigits }) {
  const { certificate, description, accuracy, digest } = metadata;
  document.title = description || "mnistx";
  byId("description").textContent = description;
  byId("check").textContent = `Self-check passed: ${certificate.expected.length} golden images`;
  byId("check").dataset.state = "passed";
  const facts = [
    accuracy === null ? "" : `${percent(accuracy)} of its test images are answered right`,
    `WebAssembly ${build === "simd" ? "with" : "without"} vectors`,
    `model ${digest.slice(0, 12)}`,
  ];
  byId("facts").textContent = facts.filter(Boolean).join(" · ");
  byId("ways").textContent = findsDigits
    ? "Draw, or drop, paste, open or photograph a picture: one digit, or several."
    : "Drop, paste, open or photograph a picture.";
  byId("hint").textContent = findsDigits ? "Draw a digit here" : "Drop a picture here";
  byId("output-title").textContent = findsDigits ? "What it reads" : "What it sees";
  byId("input").hidden = byId("output").hidden = false;
  byId("board").hidden = byId("undo").hidden = !findsDigits;
  if (findsDigits) {
    view.board = new Board(byId("board"), { changed: readSoon, ended: () => read(announce) });
  }
}

function listen() {
  byId("undo").addEventListener("click", () => view.board.undo());
  byId("clear").addEventListener("click", clear);
  for (const [button, input] of [
    ["open", "file"],
    ["photograph", "camera"],
  ]) {
    byId(button).addEventListener("click", () => byId(input).click());
    byId(input).addEventListener("change", () => openPicture(takeFile(byId(input))));
  }
  document.addEventListener("paste", (event) => openPicture(pictureAmong(event.clipboardData)));
  document.addEventListener("dragover", (event) => {
    if (holdsFiles(event.dataTransfer)) {
      event.preventDefault();
      byId("stage").dataset.over = "true";
    }
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? delete byId("stage").dataset.over);
  document.addEventListener("drop", dropPicture);
  document.addEventListener("keydown", (event) => {
    if (event.key === "z" && (event.ctrlKey || event.metaKey) && view.board && !view.picture) {
      event.preventDefault();
      view.board.undo();
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view.board?.refresh());
}

function takeFile(input) {
  const file = input.files[0];
  input.value = ""; // so that the same picture can be chosen again
  return file;
}

function dropPicture(event) {
  if (!holdsFiles(event.dataTransfer)) {
    return;
  }
  event.preventDefault();
  delete byId("stage").dataset.over;
  const file = pictureAmong(event.dataTransfer);
  if (file) {
    openPicture(file);
  } else {
    refuse("what was dropped holds no picture");
  }
}

async function openPicture(file) {
  if (!file) {
    return;
  }
  try {
    view.picture = await pixelsOf(file);
  } catch (error) {
    refuse(error.message);
    return;
  }
  read(announce);
}

function refuse(reason) {
  view.picture = null;
  view.board?.clear();
  show({ found: [], reason });
  announce();
}

function clear() {
  view.picture = null;
  if (view.board) {
    view.board.clear();
    byId("board").focus({ preventScroll: true });
  } else {
    read(announce);
  }
}

/** Once a frame is enough, however often the pen moves. */
function readSoon() {
  view.waiting ??= requestAnimationFrame(() => read());
}

function read(then) {
  cancelAnimationFrame(view.waiting);
  view.waiting = undefined;
  const picture = view.picture ?? (view.board && !view.board.isEmpty ? view.board.pixels : null);
  try {
    show(picture ? view.model.read(picture) : { found: [], reason: "" });
  } catch (error) {
    show({ found: [], reason: error.message });
  }
  then?.();
}

function show(result) {
  view.result = result;
  view.chosen = Math.max(
    result.found.findIndex((each) => each.answer),
    0,
  );
  const isDrawing = view.board && !view.picture;
  byId("board").hidden = !isDrawing;
  byId("picture").hidden = !view.picture;
  byId("hint").hidden = Boolean(view.picture) || (view.board && !view.board.isEmpty);
  byId("stage").dataset.kind = view.picture ? "picture" : "board";
  byId("undo").disabled = !isDrawing || view.board.isEmpty;
  byId("clear").disabled = !view.picture && (!view.board || view.board.isEmpty);
  showAnswer();
}

function showAnswer() {
  const { found, reason } = view.result;
  const text = found.map((each) => each.answer?.name ?? "?").join(view.model.findsDigits ? "" : ", ");
  const one = found[view.chosen];
  byId("answer").textContent = text || (reason ? "–" : "");
  byId("answer").dataset.length = text.length > 6 ? "long" : "short";
  byId("remark").textContent = reason ? sentence(reason) : remarkOn(one, found.length);
  showChoices(found);
  byId("details").dataset.empty = String(!one?.answer);
  drawImage(one?.image);
  showBars(one?.answer);
  if (view.picture) {
    drawPicture();
  }
}

function remarkOn(one, count) {
  if (!one) {
    return "";
  }
  const which = count > 1 ? `${view.chosen + 1} of ${count}: ` : "";
  if (!one.answer) {
    return `${which}${one.reason}`;
  }
  const { name, confidence } = one.answer;
  return `${which}${confidence < SURE ? "not sure, perhaps " : ""}${name}, ${percent(confidence)}`;
}

function showChoices(found) {
  const group = byId("digits");
  group.hidden = found.length < 2;
  group.replaceChildren(
    ...(found.length < 2 ? [] : found).map((each, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = each.answer?.name ?? "?";
      button.setAttribute("aria-pressed", String(at === view.chosen));
      button.setAttribute("aria-label", `${at + 1}: ${each.answer?.name ?? each.reason}`);
      button.addEventListener("click", () => choose(at));
      return button;
    }),
  );
}

function choose(at) {
  view.chosen = at;
  showAnswer();
  byId("digits").children[at].focus();
}

function showBars(answer) {
  const { names } = view.model;
  const shares = answer?.probabilities ?? names.map(() => 0);
  let rows = names.map((name, at) => ({ name, share: shares[at], isBest: at === answer?.label }));
  if (rows.length > MOST_BARS) {
    rows = rows.sort((one, other) => other.share - one.share).slice(0, MOST_BARS);
  }
  const body = byId("bars").tBodies[0];
  while (body.rows.length < rows.length) {
    body.insertRow().innerHTML = '<th scope="row"></th><td class="bar"><span></span></td><td></td>';
  }
  for (const [at, { name, share, isBest }] of rows.entries()) {
    const [head, bar, number] = body.rows[at].cells;
    body.rows[at].dataset.best = String(isBest);
    head.textContent = name;
    bar.firstChild.style.setProperty("--share", share);
    number.textContent = answer ? percent(share) : "";
  }
}

function drawImage(image) {
  const { channels, height, width } = view.model.input;
  const canvas = byId("seen");
  Object.assign(canvas, { width, height });
  if (!image) {
    return;
  }
  const pixels = new ImageData(width, height);
  const plane = width * height;
  for (let at = 0; at < plane; at++) {
    for (let channel = 0; channel < 3; channel++) {
      pixels.data[4 * at + channel] = image[channels === 3 ? channel * plane + at : at];
    }
    pixels.data[4 * at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

/** The picture, with boxes around what was found. */
function drawPicture() {
  const { width, height } = view.picture;
  const scale = Math.min(1, MOST_SHOWN / Math.max(width, height));
  const canvas = byId("picture");
  Object.assign(canvas, {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  });
  const whole = new OffscreenCanvas(width, height);
  whole.getContext("2d").putImageData(view.picture, 0, 0);
  const context = canvas.getContext("2d");
  context.drawImage(whole, 0, 0, canvas.width, canvas.height);
  const style = getComputedStyle(canvas);
  const factor = canvas.width / (view.result.width ?? width);
  const line = Math.max(2, canvas.width / 200);
  for (const [at, { box, answer }] of view.result.found.entries()) {
    const [left, top, right, bottom] = box.map((side) => side * factor);
    for (const [colour, width] of [
      ["#fff", 2],
      [answer ? style.borderColor : style.color, at === view.chosen ? 1.5 : 0.75],
    ]) {
      context.strokeStyle = colour;
      context.lineWidth = line * width;
      context.strokeRect(left - line, top - line, right - left + 2 * line, bottom - top + 2 * line);
    }
  }
}

/** For those who hear the page: once, when a stroke has ended. */
function announce() {
  const { found, reason } = view.result;
  const heard = found.length > 1 ? `${found.length} found: ${byId("answer").textContent.split("").join(" ")}` : "";
  byId("announcement").textContent = heard || byId("remark").textContent || reason;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** With two decimals near 1, and never rounded up to it. */
function percent(share) {
  return `${share > 0.995 ? Math.floor(1e4 * share) / 100 : (100 * share).toFixed(1)}%`;
}

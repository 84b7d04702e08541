// Sends a file, lays its words over its picture, hands out text and files. What was read from a picture reaches the page
// through textContent only: it is never taken for markup.

const $ = (id) => document.getElementById(id);
const SURE = 0.9, FAIR = 0.6; // as in writers/drawing.py
const DRAG_PX = 5; // less is a click

let about = { max_upload: Infinity, formats: [] };
let file = null; // {key, name, pages}: what POST documents answered
let number = 0; // of the page, from 0
let page = null; // its JSON
let words = []; // {word, line, polygon, span}, in reading order
let current = -1; // index of the word that is explained
let chosen = new Set(); // indices of the words that a drag selected
let turn = 0; // grows with everything that is asked for: an answer that comes too late is dropped
let zoom = 1;
let down = null; // {x, y} where a drag over the picture began

async function ask(path, options) {
  const answer = await fetch(path, options).catch(() => {
    throw new Error("the program does not answer: is gemma3-ocr view still running?");
  });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  throw new Error(body.error || `the program failed (status ${answer.status}): its terminal says why`);
}

function say(status, alert = "", busy = false) {
  $("status").textContent = status;
  $("alert").textContent = alert;
  $("alert").hidden = !alert;
  document.body.classList.toggle("busy", busy);
}

// Runs `work`, which may ask whether it is still wanted, and says what went wrong: neither once something else was asked for.
async function attempt(message, work) {
  const own = ++turn;
  say(message, "", true);
  try {
    await work(() => own === turn);
  } catch (error) {
    if (own === turn) say("", error.message);
  }
}

function open(picked) {
  if (!picked) return;
  attempt(`Opening ${picked.name} …`, async (wanted) => {
    if (picked.size > about.max_upload) {
      throw new Error(`${picked.name}: larger than ${about.max_upload / 2 ** 20} MiB, which is the limit here`);
    }
    const path = `documents?name=${encodeURIComponent(picked.name)}`;
    const opened = await ask(path, { method: "POST", body: picked });
    if (!wanted()) return;
    file = opened;
    show(0);
  });
}

function show(index) {
  const path = `documents/${file.key}/pages/${index}`;
  clear();
  number = index;
  $("picture").src = `${path}/picture`;
  $("picture").alt = $("name").textContent = file.name;
  $("which").textContent = `${index + 1} / ${file.pages}`;
  $("previous").disabled = index === 0;
  $("next").disabled = index === file.pages - 1;
  $("pages").hidden = file.pages === 1;
  $("result").hidden = false;
  attempt(file.pages > 1 ? `Reading page ${index + 1} of ${file.pages} …` : "Reading …", async (wanted) => {
    const read = await ask(path);
    if (wanted()) lay(read, path);
  });
}

function clear() {
  explain(-1);
  choose([]);
  page = null;
  words = [];
  $("copy").disabled = true;
  for (const id of ["boxes", "text", "warnings", "downloads"]) $(id).replaceChildren();
}

function lay(read, path) {
  page = read;
  $("boxes").setAttribute("viewBox", `0 0 ${page.width} ${page.height}`);
  $("copy").disabled = false;
  page.lines.forEach((line, index) => {
    if (index) $("text").append(line.block === page.lines[index - 1].block ? "\n" : "\n\n");
    line.words.forEach((word, place) => {
      if (place) $("text").append(" ");
      words.push({ word, line: index, ...drawn(word, words.length) });
    });
  });
  $("warnings").append(...page.warnings.map((warning) => made("li", warning)));
  $("downloads").append(...about.formats.map((format) => download(format, path)));
  say(`${counted(words.length)} · ${page.width} × ${page.height} px`);
}

const counted = (count) => (count === 1 ? "1 word" : `${count || "no"} words`);

function drawn(word, index) {
  const kind = word.confidence >= SURE ? "sure" : word.confidence >= FAIR ? "fair" : "doubtful";
  const polygon = document.createElementNS($("boxes").namespaceURI, "polygon");
  polygon.setAttribute("points", word.quad.join(" "));
  polygon.classList.add(kind);
  const span = made("span", word.text);
  span.classList.add("word", kind);
  span.classList.toggle("corrected", word.raw !== word.text);
  polygon.dataset.index = span.dataset.index = index;
  $("boxes").append(polygon);
  $("text").append(span);
  return { polygon, span };
}

function download({ name, extension, whole }, path) {
  const title = extension + (whole && file.pages > 1 ? ", all pages" : "");
  const item = made("li", "");
  item.append(Object.assign(made("a", name), { href: `${path}/files/${name}`, download: "", title }));
  return item;
}

const made = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

function mark(index, name, on) {
  for (const part of ["polygon", "span"]) words[index][part].classList.toggle(name, on);
}

function explain(index, byKey = false) {
  if (current >= 0) mark(current, "current", false);
  current = index;
  $("tip").hidden = index < 0;
  if (index < 0) return;
  mark(index, "current", true);
  const { word, polygon, span } = words[index];
  $("tip-text").textContent = word.text;
  $("tip-meter").value = word.confidence;
  $("tip-confidence").textContent = `${percent(word.confidence)} confident`;
  $("tip-others").replaceChildren(...word.alternatives.map(other));
  $("tip-raw").textContent = word.raw !== word.text ? `Pixels alone: “${word.raw}”.` : "";
  $("tip-reason").textContent = word.reason && `Corrected: ${word.reason}.`;
  for (const part of byKey ? [span, polygon] : []) part.scrollIntoView({ block: "nearest", inline: "nearest" });
  place($("tip"), polygon.getBoundingClientRect());
  if (byKey) $("spoken").textContent = [...$("tip").querySelectorAll("p, li")].map((part) => part.textContent).join(" ");
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

function other({ text, confidence }) {
  const item = made("li", `${text} `);
  item.append(made("span", percent(confidence)));
  return item;
}

function place(tip, box) {
  const below = box.bottom + tip.offsetHeight + 16 < innerHeight;
  tip.style.top = `${Math.max(8, below ? box.bottom + 8 : box.top - tip.offsetHeight - 8)}px`;
  const right = $("stage").getBoundingClientRect().right - 8; // so that it never hides the text
  tip.style.left = `${Math.max(8, Math.min(box.left, right - tip.offsetWidth))}px`;
}

function choose(indices) {
  for (const index of chosen) mark(index, "chosen", false);
  chosen = new Set(indices);
  for (const index of chosen) mark(index, "chosen", true);
  $("copy").textContent = chosen.size ? `Copy ${counted(chosen.size)}` : "Copy text";
}

function textToCopy() {
  if (!chosen.size) return page.text;
  const picked = words.filter((_, index) => chosen.has(index));
  const before = ({ line }, k) => (k ? (line === picked[k - 1].line ? " " : "\n") : "");
  return picked.map((entry, k) => before(entry, k) + entry.word.text).join("");
}

async function copy() {
  try {
    await navigator.clipboard.writeText(textToCopy()); // absent where the page does not come from this machine
    say("Copied.");
  } catch {
    getSelection().selectAllChildren($("text"));
    say("The browser does not allow it here: the text is selected, press Ctrl+C.");
  }
}

const indexOf = (target) => (target.dataset?.index === undefined ? -1 : Number(target.dataset.index));
for (const id of ["boxes", "text"]) {
  $(id).addEventListener("pointerover", (event) => explain(indexOf(event.target)));
  $(id).addEventListener("pointerleave", () => explain(-1));
}
$("boxes").addEventListener("pointerdown", (event) => {
  if (event.button || event.pointerType === "touch") return; // a finger scrolls
  getSelection().removeAllRanges();
  down = { x: event.clientX, y: event.clientY };
});
addEventListener("pointermove", (event) => {
  if (!down) return;
  const [left, right] = [down.x, event.clientX].sort((a, b) => a - b);
  const [top, bottom] = [down.y, event.clientY].sort((a, b) => a - b);
  const sheet = $("sheet").getBoundingClientRect();
  const band = { left: left - sheet.left, top: top - sheet.top, width: right - left, height: bottom - top };
  for (const side in band) $("band").style[side] = `${band[side]}px`;
  $("band").hidden = Math.max(band.width, band.height) < DRAG_PX;
  const inside = ({ polygon }) => {
    const { x, y, width: w, height: h } = polygon.getBoundingClientRect();
    return left <= x + w / 2 && x + w / 2 <= right && top <= y + h / 2 && y + h / 2 <= bottom;
  };
  choose($("band").hidden ? [] : [...words.keys()].filter((index) => inside(words[index])));
});
addEventListener("pointerup", (event) => {
  if (down && $("band").hidden) choose(indexOf(event.target) < 0 ? [] : [indexOf(event.target)]);
  down = null;
  $("band").hidden = true;
});
$("text").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step || !words.length || event.shiftKey) return;
  event.preventDefault();
  explain(Math.max(0, Math.min(words.length - 1, current + step)), true);
});
$("text").addEventListener("blur", () => explain(-1));
addEventListener("keydown", (event) => event.key === "Escape" && (explain(-1), choose([])));
addEventListener("copy", (event) => {
  if (!chosen.size || !getSelection().isCollapsed) return;
  event.clipboardData.setData("text/plain", textToCopy());
  event.preventDefault();
});
addEventListener("paste", (event) => open(event.clipboardData.files[0]));
for (const kind of ["dragover", "dragleave", "drop"]) {
  addEventListener(kind, (event) => {
    event.preventDefault(); // else the browser would leave for the file
    $("stage").classList.toggle("over", kind === "dragover");
    if (kind === "drop") open(event.dataTransfer.files[0]);
  });
}
$("file").addEventListener("change", () => {
  open($("file").files[0]);
  $("file").value = ""; // so that the same file can be picked again
});
for (const kind of ["load", "error"]) { // what is wrong comes with the words
  $("picture").addEventListener(kind, () => {
    $("sheet").style.setProperty("--ratio", $("picture").naturalWidth / $("picture").naturalHeight || 1);
    $("sheet").hidden = kind === "error";
    $("welcome").hidden = kind === "load";
  });
}
const enlarge = (to) => $("sheet").style.setProperty("--zoom", (zoom = Math.max(0.5, Math.min(8, to))));
const buttons = {
  copy, previous: () => show(number - 1), next: () => show(number + 1),
  smaller: () => enlarge(zoom / 1.4), fit: () => enlarge(1), larger: () => enlarge(zoom * 1.4),
};
for (const id in buttons) $(id).addEventListener("click", buttons[id]);

ask("about").then((answer) => {
  about = answer;
  $("model").textContent = about.model;
}, (error) => say("", error.message));

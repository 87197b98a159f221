// The page of a SmartVM node: it asks the node again and again, and shows what changes.

import { Pad, SIDES, prepare } from "./digit.js";
import { RPCError, byId, count, hex, rpc, short } from "./rpc.js";
import * as views from "./views.js";

const REFRESH = 2_000; // milliseconds
const LATEST = 20; // inferences that are listed
const MOST_OUTPUTS = 16; // outputs that are drawn as bars

const page = {
  head: null, // hash of the newest block that is shown
  models: [],
  chosen: null, // address of a model
  transaction: null, // whose layers are shown, or null
  answers: 0, // requests for an answer so far, of which only the newest counts
  blocks: null, // storage that the block map shows
  problem: null, // why the node refused what was asked last, or null
  busy: false, // whether an answer to refresh is awaited
};

const pad = new Pad(byId("canvas"), () => answerSoon());

/** Show what the node has now. */
async function refresh() {
  if (page.busy) return;
  page.busy = true;
  try {
    const info = await rpc("smartvm_info");
    if (info.blockHash !== page.head) await showChain(info);
    // A node that has not read its whole history yet is asked for the rest.
    page.head = info.indexedBlock === info.blockNumber ? info.blockHash : null;
    views.showState("live", page.problem);
  } catch (error) {
    page.head = null;
    views.showState(error instanceof RPCError ? "live" : "lost", error.message);
  } finally {
    page.busy = false;
  }
}

async function showChain(info) {
  views.showHead(info);
  const [models, inferences] = await Promise.all([
    rpc("smartvm_models"), rpc("smartvm_inferences", null, LATEST),
  ]);
  page.models = models;
  if (!models.some((model) => model.address === page.chosen)) page.chosen = models.at(-1)?.address ?? null;
  views.showModels(models, page.chosen, choose);
  const names = new Map(models.map((model) => [model.address, views.modelName(model)]));
  if (models.length) views.showInferences(inferences, names);
  byId("inferences-panel").hidden = models.length === 0;
  await showChosen();
}

function chosenModel() {
  return page.models.find((model) => model.address === page.chosen) ?? null;
}

function choose(address) {
  page.chosen = address;
  leaveTrace();
  guarded(showChosen);
}

async function showChosen() {
  const model = chosenModel();
  for (const id of ["draw-panel", "layers-panel", "blocks-panel"]) byId(id).hidden = model === null;
  if (model === null) return;
  showEasel(model);
  const storage = `${model.address} ${model.storageRoot}`;
  if (storage === page.blocks) return;
  const [details, blocks] = await Promise.all([
    rpc("smartvm_model", model.address), rpc("smartvm_blocks", model.address),
  ]);
  page.blocks = storage;
  views.showBlocks(blocks, details.layers);
  showLayers(details, "an input of zeros");
  answerSoon();
}

/** The layers of the chosen model, unless those of a transaction are shown.
 *  @param run of smartvm_layers
 *  @param input what it ran on */
function showLayers(run, input) {
  if (page.transaction !== null) return;
  const name = views.modelName(chosenModel());
  byId("layers-of").textContent = run.error
    ? `${name} cannot run yet: ${run.error}. The layers are read from its code.`
    : `${name} on ${input}. Gas depends on how wide values are, on nothing else of the input.`;
  views.showLayers(run.layers, run.error ? [] : [["In the frame", run.gas]]);
  byId("trace-close").hidden = true;
}

/** The side of the images that the canvas draws for a model; null where it takes no such image. */
function sideOf(model) {
  const { items, itemBytes, unsigned } = model.input;
  return itemBytes === 1 && unsigned && model.classifies ? SIDES.get(items) ?? null : null;
}

function showEasel(model) {
  const side = sideOf(model);
  const unfit = side === null
    ? "The canvas draws for networks that classify images of 28 × 28 or 32 × 32 pixels, a byte each. This one takes " +
      `${count(model.input.items)} items of ${model.input.itemBytes} bytes.`
    : null;
  byId("draw-unfit").hidden = unfit === null;
  byId("draw-unfit").textContent = unfit ?? "";
  byId("draw-body").hidden = byId("draw-controls").hidden = unfit !== null;
  if (side === null || byId("seen").width === side) return;
  byId("seen").width = byId("seen").height = side;
}

/** The packed image of what is drawn, or null. */
function drawn() {
  const model = chosenModel();
  const side = model && sideOf(model);
  return side ? prepare(pad.strokes, side, byId("preparation").value) : null;
}

function showSeen(pixels) {
  const side = byId("seen").width;
  const context = byId("seen").getContext("2d");
  const image = context.createImageData(side, side);
  for (let index = 0; index < side * side; index++) {
    image.data.fill(pixels === null ? 0 : pixels[index], 4 * index, 4 * index + 3);
    image.data[4 * index + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

let waiting = null;

/** Ask for an answer once the pen has rested for a moment. */
function answerSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(() => guarded(answer), 120);
}

async function answer() {
  const mine = ++page.answers;
  const pixels = drawn();
  showSeen(pixels);
  byId("canvas-hint").hidden = pad.strokes.length > 0;
  byId("infer").disabled = pixels === null;
  byId("seen").dataset.answered = "";
  if (pixels === null) {
    views.showAnswer(null);
    byId("answer-note").textContent = "";
    return;
  }
  const started = performance.now();
  const found = await rpc("smartvm_predict", page.chosen, hex(pixels));
  if (mine !== page.answers) return;
  const taken = performance.now() - started;
  views.showAnswer({ ...found, values: found.values.slice(0, MOST_OUTPUTS) });
  byId("seen").dataset.answered = hex(pixels);
  byId("answer-note").textContent =
    `A call: ${count(found.gas)} gas, ${found.milliseconds.toFixed(1)} ms in the node, ` +
    `${taken.toFixed(0)} ms from here and back.`;
  const run = await rpc("smartvm_layers", page.chosen, hex(pixels));
  if (mine === page.answers) showLayers(run, "what is drawn");
}

async function infer() {
  const pixels = drawn();
  if (pixels === null) return;
  byId("infer").disabled = true;
  try {
    const { calldata, gas } = await rpc("smartvm_estimateGasByLayer", page.chosen, hex(pixels));
    const [sender] = await rpc("eth_accounts");
    if (!sender) throw new RPCError("The node has no account that can sign: send the transaction from a wallet.");
    const transaction = await rpc("eth_sendTransaction", { from: sender, to: page.chosen, data: calldata, gas });
    page.head = null;
    await refresh();
    byId("answer-note").textContent = `Sent: transaction ${short(transaction)}, ${count(gas)} gas.`;
    location.hash = `tx=${transaction}`;
  } finally {
    byId("infer").disabled = false;
  }
}

/** Show the layers of the transaction that the address names, if it names one. */
async function followAddress() {
  const match = /^#tx=(0x[0-9a-f]{64})$/.exec(location.hash);
  if (match === null) return;
  const trace = await rpc("smartvm_traceLayers", match[1]);
  page.transaction = match[1];
  byId("layers-panel").hidden = false;
  byId("layers-of").textContent =
    `Transaction ${match[1]} in block ${count(trace.blockNumber)}, executed again at its block` +
    (trace.error ? `; it failed: ${trace.error}.` : ".");
  views.showLayers(trace.layers, [["In the frame", trace.frameGas], ["The transaction", trace.gas]]);
  byId("trace-close").hidden = false;
  byId("layers-title").scrollIntoView({ block: "start" });
}

function leaveTrace() {
  page.transaction = null;
  page.blocks = null;
  if (location.hash) history.replaceState(null, "", location.pathname);
}

/** Do something that a person asked for, and say in words what went wrong, until the next time. */
async function guarded(action) {
  try {
    page.problem = null;
    await action();
  } catch (error) {
    page.problem = error instanceof RPCError ? error.message : null;
    views.showState(error instanceof RPCError ? "live" : "lost", error.message);
  }
}

byId("clear").addEventListener("click", () => pad.clear());
byId("example").addEventListener("click", () => pad.example());
byId("infer").addEventListener("click", () => guarded(infer));
byId("preparation").addEventListener("change", () => answerSoon());
byId("trace-close").addEventListener("click", () => {
  leaveTrace();
  guarded(showChosen);
});
byId("blocks-map").addEventListener("pointerover", (event) => {
  if (event.target.dataset.note) byId("block-note").textContent = event.target.dataset.note;
});
window.addEventListener("hashchange", () => guarded(followAddress));
document.addEventListener("visibilitychange", () => document.hidden || refresh());

views.showAnswer(null);
showSeen(null);
await refresh();
await guarded(followAddress);
setInterval(() => document.hidden || refresh(), REFRESH);

// What the page shows of the node's answers: each function fills one part of the page.

import { byId, bytes, count, element, short } from "./rpc.js";

const KINDS = ["conv", "pool", "fc", "matmul", "relu"];

/** The colour class of a layer, by what its name begins with. */
export function kindOf(name) {
  const stem = name.replace(/_?\d+$/, "").replace(/3d$/, "");
  if (["depthwise", "deconv"].includes(stem)) return "conv";
  if (["softmax", "sigmoid", "tanh", "clip", "function"].includes(stem)) return "relu";
  if (stem === "matmul") return "fc";
  return KINDS.includes(stem) ? stem : "other";
}

export function modelName(model) {
  return model.name ?? `Model ${short(model.address)}`;
}

/** What stands for the state of the chain in the header. */
export function showHead(info) {
  byId("head-number").textContent = count(info.blockNumber);
  byId("head-hash").textContent = short(info.blockHash);
  byId("head-hash").title = info.blockHash;
  byId("head-chain").textContent = Number(info.chainId);
  byId("head-backend").textContent = info.backend;
  byId("versions").textContent =
    `SmartVM ${info.smartvm} on py-evm ${info.pyEvm}, fork ${info.fork}, Python ${info.python}`;
}

/** "live", "waiting" or "lost", and the problem in words or null. */
export function showState(state, problem) {
  const shown = { live: "live", waiting: "connecting", lost: "not reachable" }[state];
  byId("head-state").dataset.state = state;
  byId("head-state").textContent = shown;
  byId("problem").hidden = problem === null;
  byId("problem").textContent = problem ?? "";
}

/** The models as cards of which one is chosen. */
export function showModels(models, chosen, choose) {
  byId("empty").hidden = models.length > 0;
  byId("models-panel").hidden = models.length === 0;
  byId("models-count").textContent = models.length > 1 ? `(${models.length})` : "";
  byId("models").replaceChildren(...models.map((model) => card(model, chosen, choose)));
}

function card(model, chosen, choose) {
  const isChosen = model.address === chosen;
  const facts = [
    `${bytes(model.weightBytes)} of weights in ${count(model.blockCount)} ` +
      (model.blockCount === 1 ? "block" : "blocks"),
    `${bytes(model.input.bytes)} in, ${count(model.outputItems)} out`,
    model.blockNumber === null ? null : `deployed in block ${count(model.blockNumber)}`,
  ];
  const input = element("input", { type: "radio", name: "model", value: model.address, checked: isChosen });
  input.addEventListener("change", () => choose(model.address));
  return element(
    "label", { className: "card" }, input,
    element("span", { className: "card-name" }, modelName(model)),
    element("span", { className: "hash", title: model.address }, model.address),
    element("span", { className: "note" }, model.summary),
    element("span", { className: "note" }, facts.filter(Boolean).join(" · ")),
    element("span", { className: "tags" }, ...tags(model)),
  );
}

function tags(model) {
  const found = [];
  if (model.missingBlocks > 0) {
    found.push(["warn", "weights incomplete", "Storage lacks blocks: the upload is not finished."]);
  } else if (model.matchesHash) {
    found.push(["good", "weights as compiled", `The blocks are those of modelHash ${model.modelHash}.`]);
  } else {
    found.push(["warn", "weights changed", "The blocks are not those of modelHash: they were written anew."]);
  }
  found.push(model.frozen ? ["good", "frozen", "Nobody can write its weights."]
    : ["plain", `version ${model.version}`, "Transactions that have written weights so far."]);
  return found.map(([kind, text, title]) => element("span", { className: `tag ${kind}`, title }, text));
}

/** The layers as a table with bars of gas.
 *  @param layers of smartvm_model or smartvm_traceLayers
 *  @param totals [name, gas] of lines below them */
export function showLayers(layers, totals) {
  const body = byId("layers").tBodies[0];
  const known = layers.map((layer) => Number(layer.gas ?? 0));
  const most = Math.max(1, ...known);
  const sum = Math.max(1, known.reduce((all, one) => all + one, 0));
  body.replaceChildren(...layers.map((layer) => layerRow(layer, most, sum)));
  byId("layers").tFoot.replaceChildren(...totals.map(([name, gas]) => element(
    "tr", {}, element("th", { scope: "row" }, name),
    ...["roomy", "", "roomy", "roomy"].map((className) => element("td", { className })),
    element("td", { className: "wide" }, `${count(gas)} gas`), element("td", { className: "roomy" }),
  )));
}

function layerRow(layer, most, sum) {
  const kind = kindOf(layer.name);
  const name = element("button", { type: "button", className: "plain", "aria-expanded": "false" },
    element("span", { className: `dot ${kind}` }), layer.name);
  name.addEventListener("click", () => toggleLines(name, layer));
  return element(
    "tr", { data: { layer: layer.name } },
    element("th", { scope: "row" }, name),
    element("td", { className: "mono roomy" }, layer.instruction),
    element("td", {}, layer.shape === null ? "–" : layer.shape.map(count).join(" × ")),
    element("td", { className: "roomy" }, layer.bounds === null ? "–" : boundsText(layer.bounds)),
    element("td", { className: "number roomy" }, milliseconds(layer)),
    element("td", { className: "wide" }, gasBar(layer, kind, most, sum)),
    element("td", { className: "roomy" }, ranges(layer.blocks)),
  );
}

/** Show or hide the instructions of a layer in a row below its own. */
function toggleLines(name, layer) {
  const row = name.closest("tr");
  const shown = name.getAttribute("aria-expanded") === "true";
  name.setAttribute("aria-expanded", String(!shown));
  if (shown) {
    row.nextElementSibling.remove();
    return;
  }
  const lines = layer.instructions.map((line) => element("li", {},
    element("span", { className: "mono" }, instructionText(line)),
    line.gas === null ? null : element("span", { className: "note" },
      `${count(line.gas)} gas, ${milliseconds(line)} ms` +
        (line.bounds === null ? "" : `, leaves ${boundsText(line.bounds)}`))));
  const cell = element("td", { colSpan: 7 }, element("ol", { className: "lines" }, ...lines));
  row.after(element("tr", {}, cell));
}

function instructionText(line) {
  const place = line.programCounter.toString(16).padStart(4, "0");
  return `${place}  ${line.mnemonic} ${line.operands ?? ""}`;
}

function milliseconds(measured) {
  return measured.milliseconds === null ? "–" : measured.milliseconds.toFixed(2);
}

function boundsText(bounds) {
  const [low, high] = bounds.map((bound) => (bound.length > 12 ? `${bound.slice(0, 6)}…` : count(bound)));
  return `${low} to ${high}`;
}

function gasBar(layer, kind, most, sum) {
  if (layer.gas === null) return "–";
  const gas = Number(layer.gas);
  const bar = element("span", { className: `bar ${kind}` });
  bar.style.width = `${(100 * gas) / most}%`;
  const text = `${count(gas)} (${((100 * gas) / sum).toFixed(1)}%)`;
  return element("span", { className: "bar-row" },
    element("span", { className: "bar-track" }, bar), element("span", { className: "bar-text" }, text));
}

/** Numbers as ranges: 1–3, 7. */
export function ranges(numbers) {
  const parts = [];
  for (const number of numbers) {
    const last = parts.at(-1);
    if (last && last[1] + 1 === number) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([first, last]) => (first === last ? first : `${first}–${last}`)).join(", ");
}

const CELLS = 512; // squares of the map, about
const HUES = 8; // colours of layers in the map
const UNUSED = "read by no layer";

/** The blocks as a map whose squares are equal numbers of bytes, and as a table.
 *  @param answer of smartvm_blocks
 *  @param layers of the model, which name the blocks */
export function showBlocks(answer, layers) {
  const { blocks, missing } = answer;
  const owners = new Map();
  for (const layer of layers) for (const number of layer.blocks) owners.set(number, layer.name);
  const owner = (block) => owners.get(block.number) ?? UNUSED;
  const sizes = new Map();
  for (const block of blocks) sizes.set(owner(block), (sizes.get(owner(block)) ?? 0) + block.bytes);
  const names = Array.from(sizes.keys());
  const hue = (name) => `hue${names.indexOf(name) % HUES}`;
  const total = blocks.reduce((all, block) => all + block.bytes, 0);
  const square = Math.max(1, Math.ceil(total / CELLS));
  byId("blocks-note").textContent =
    `${count(blocks.length)} blocks, ${bytes(total)}; a square is up to ${bytes(square)} of a block.` +
    (missing.length ? ` Not uploaded: what begins at block ${ranges(missing)}.` : "");
  byId("blocks-map").replaceChildren(
    ...blocks.flatMap((block) => squaresOf(block, square, owner(block), hue(owner(block)))),
    ...missing.map(missingSquare));
  byId("blocks-map").setAttribute("aria-label", `Map of ${blocks.length} weight blocks; a table follows`);
  byId("blocks-legend").replaceChildren(...names.slice(0, 4 * HUES).map((name) => element(
    "li", {}, element("span", { className: `dot ${hue(name)}` }), `${name} ${bytes(sizes.get(name))}`)));
  byId("blocks").tBodies[0].replaceChildren(...blocks.map((block) => blockRow(block, owner(block))));
}

function squaresOf(block, square, name, hue) {
  const length = Math.ceil(block.bytes / square);
  const note = `Block ${block.number} · ${name} · ${count(block.items)} items of ` +
    `${block.itemBytes} bytes = ${count(block.bytes)} bytes · ${block.hash}`;
  return Array.from({ length }, (_, index) => element("span", {
    className: `cell ${hue}${index === 0 ? " first" : ""}${index === length - 1 ? " last" : ""}`,
    data: { block: block.number, note },
  }));
}

function missingSquare(number) {
  const note = `Block ${number} · not uploaded`;
  return element("span", { className: "cell missing first last", data: { block: number, note } });
}

function blockRow(block, name) {
  return element(
    "tr", {},
    element("th", { scope: "row", className: "number" }, String(block.number)),
    element("td", {}, name),
    element("td", { className: "number" }, count(block.items)),
    element("td", { className: "number" }, String(block.itemBytes)),
    element("td", { className: "number" }, count(block.bytes)),
    element("td", { className: "hash" }, block.hash),
  );
}

/** The latest inferences, each with a link to its layers. */
export function showInferences(inferences, names) {
  byId("inferences-none").hidden = inferences.length > 0;
  byId("inferences").hidden = inferences.length === 0;
  byId("inferences").tBodies[0].replaceChildren(...inferences.map((one) => {
    const link = element("a", { href: `#tx=${one.transactionHash}`, title: "Show its layers" },
      short(one.transactionHash));
    return element(
      "tr", { data: { transaction: one.transactionHash } },
      element("td", { className: "number" }, count(one.blockNumber)),
      element("td", { title: one.address }, names.get(one.address) ?? short(one.address)),
      element("td", { className: "number big" }, one.label),
      element("td", { className: "hash roomy", title: one.caller }, short(one.caller)),
      element("td", { className: "hash roomy", title: one.inputHash }, short(one.inputHash)),
      element("td", { className: "hash" }, link),
    );
  }));
}

/** The answer of the network: the label, and all outputs as bars. */
export function showAnswer(answer) {
  byId("label").classList.toggle("none", answer === null);
  byId("label").textContent = answer === null || answer.label === null ? "–" : answer.label;
  const values = answer === null ? Array(10).fill(0) : answer.values;
  const least = Math.min(0, ...values);
  const span = Math.max(1e-9, Math.max(0, ...values) - least);
  byId("logits").replaceChildren(...values.map((value, index) => {
    const bar = element("span", { className: "logit-bar" });
    bar.style.left = `${(100 * (Math.min(0, value) - least)) / span}%`;
    bar.style.width = `${(100 * Math.abs(value)) / span}%`;
    const isBest = answer !== null && String(index) === answer.label;
    return element("li", { className: isBest ? "best" : "" },
      element("span", { className: "logit-name" }, String(index)),
      element("span", { className: "logit-track" }, bar),
      element("span", { className: "logit-value" }, answer === null ? "" : value.toFixed(2)));
  }));
}

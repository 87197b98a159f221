// What an ethers user does with a node: node ethers_session.mjs URL MODULES < contract.json
// contract.json: init (hex), abi, blocks ([number, item bytes, items]), image (hex), key (hex).
// Prints what it found as JSON.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [url, modules] = process.argv.slice(2);
const { ethers } = await import(pathToFileURL(`${modules}/ethers/lib.esm/index.js`).href);
const model = JSON.parse(readFileSync(0, "utf8"));
const provider = new ethers.JsonRpcProvider(url, undefined, { pollingInterval: 50 });

const owner = await provider.getSigner(0);
const factory = new ethers.ContractFactory(model.abi, model.init, owner);
const contract = await (await factory.deploy()).waitForDeployment();
for (const [number, itemBytes, items] of model.blocks) {
  await (await contract.setBlock(number, itemBytes, items)).wait();
}
const outputs = await contract.predict(model.image);
const label = await contract.classify(model.image);

const wallet = new ethers.NonceManager(new ethers.Wallet(model.key, provider));
const receipt = await (await contract.connect(wallet).infer(model.image)).wait();
const events = await contract.queryFilter("Inferred", receipt.blockNumber);

const raw = await new ethers.Wallet(model.key).signTransaction({
  to: await owner.getAddress(),
  value: 5n,
  gasLimit: 21000n,
  chainId: 1337n,
  nonce: await provider.getTransactionCount(await wallet.getAddress()),
  maxFeePerGas: ethers.parseUnits("9", "gwei"),
  maxPriorityFeePerGas: ethers.parseUnits("1", "gwei"),
});
const sent = await provider.broadcastTransaction(raw);
const mined = await sent.wait();

let refusal = null;
try {
  await contract.predict("0x00");
} catch (error) {
  refusal = error.code;
}
const signature = await owner.signMessage("hello");
const fees = await provider.getFeeData();
const block = await provider.getBlock("latest", true);

console.log(JSON.stringify({
  address: await contract.getAddress(),
  outputs: outputs.map(String),
  label: String(label),
  caller: events[0].args.caller,
  wallet: await wallet.getAddress(),
  inferred: String(events[0].args.label),
  rawStatus: mined.status,
  refusal,
  signer: ethers.verifyMessage("hello", signature),
  owner: await owner.getAddress(),
  maxFee: String(fees.maxFeePerGas),
  transactions: block.prefetchedTransactions.map((transaction) => transaction.hash),
  rawHash: sent.hash,
}));
provider.destroy();

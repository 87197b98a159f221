// npm's solc for another program: node driver.js NODE_MODULES
// Each line of standard input is a standard JSON input, each line of standard output its output.
// (solc.js --standard-json ends before all of a long output is written.)
console.log = console.error; // nothing else may come between the outputs
const solc = require(process.argv[2] + "/solc");
const lines = require("readline").createInterface({ input: process.stdin });

lines.on("line", (line) => {
  const output = JSON.parse(solc.compile(line));
  process.stdout.write(JSON.stringify(output) + "\n");
});

"""The questions of the evaluation, in the order of the report. To add one: a module, and a row."""

from __future__ import annotations

from typing import NamedTuple


class Question(NamedTuple):
    """A question of the evaluation.

    Attributes:
        id: the module in this package that answers it.
        title: the heading in the report.
        source: where the paper treats it; "" where it does not.
        text: what is measured, and how.
        per_network: whether `measure` is called once for each network.
        gpu: whether it measures a GPU too; all others are about the CPU.
    """

    id: str
    title: str
    source: str
    text: str
    per_network: bool = True
    gpu: bool = False


QUESTIONS = (
    Question(
        "code_length",
        "Code length and instruction counts",
        "Fig. 4, Fig. 11",
        "How long a network is as source and as bytecode, and how many instructions an inference "
        "executes, with the DNN instructions and without. Plain EVM is the contract that SmartVM "
        "generates of stock instructions only, with loops and one weight a slot; both give the "
        "same bits.",
    ),
    Question(
        "speed",
        "Computing on a chain and natively",
        "Fig. 12 to 15",
        "One input, weights resident. Computing is the contract's frame alone; total time is the "
        "whole call, from an encoded eth_call to decoded logits. ONNX Runtime and PyTorch (eager) "
        "run the same ONNX model in float32. All contenders take turns in one process. What the "
        "paper and Cortex, a chain with an int8 runtime of its own, have published stands beside "
        "them; it was measured on other machines.",
        gpu=True,
    ),
    Question(
        "offchain",
        "Inference off the chain",
        "Fig. 12 to 15",
        "The weights are downloaded from the chain, then the model runs as native code: through a "
        "`get()` a value, as in the paper (a sample is timed, the rest extrapolated), and "
        "block-wise. Beside it stands the contract's call, which fetches its weights itself, and "
        "one that has them resident. What is computed off the chain is in no consensus.",
        gpu=True,
    ),
    Question(
        "plain_evm",
        "Inference with plain EVM instructions",
        "Fig. 12 to 15",
        "The same network in stock instructions, on py-evm and on revm, the fastest EVM at hand. "
        "Networks that are too large to run are extrapolated from the instructions that they "
        "execute.",
        per_network=False,
    ),
    Question(
        "weights",
        "Fetching weights",
        "Fig. 12 to 15",
        "Reading all weights of a model from the storage trie: one value a slot, as Ethereum has "
        "it, and in blocks.",
    ),
    Question(
        "pipeline_table",
        "The pipeline: fetching while computing",
        "Table 2",
        "A call whose weights are on disk and not in the cache of resident weights, with fetching "
        "and computing one after the other, and overlapped. Below zero, the threads cost more than "
        "they save: the weights of a small network are fetched in a millisecond.",
    ),
    Question(
        "buffer_memory",
        "The Buffer and EVM Memory over the layers",
        "Fig. 16",
        "Bytes that feature maps take after each layer: on the Buffer, which grows and shrinks "
        "with them, and in EVM Memory, where a map of 32-byte words is never given back.",
    ),
    Question(
        "process_peaks",
        "Memory of the process",
        "Fig. 17",
        "The most memory that a process of its own takes to load the model and answer: a node "
        "with the chain on disk, and the float models.",
    ),
    Question(
        "gas_table",
        "Gas by layer",
        "Table 3",
        "Gas of one inference, all weights cold, layer by layer.",
    ),
    Question(
        "accuracy",
        "Fixed point against float",
        "section 4.5.1",
        "How often the contract's answer is that of the float model, on the same inputs, and how "
        "often each is right where there are labels and trained weights.",
    ),
    Question(
        "gas_safety",
        "Time per gas of every instruction",
        "",
        "Each instruction at the worst operands that were found, beside the slowest stock "
        "instruction in the same interpreter. At or below 1, a node that is sized for Ethereum's "
        "gas limit is sized for neural networks. (CPU time of the numpy backend.)",
        per_network=False,
    ),
    Question(
        "model_size",
        "Cost against the size of the model",
        "",
        "Gas of one inference against multiply-accumulates, over the networks of the zoo.",
        per_network=False,
    ),
    Question(
        "scaling",
        "Throughput against batch and threads",
        "",
        "Inputs a second of the compute alone, weights resident, beside ONNX Runtime with as many "
        "threads.",
    ),
    Question(
        "state_size",
        "Upload and size of the state",
        "",
        "Random 16-bit weights sent to a chain on disk by signed transactions.",
        per_network=False,
    ),
)
BY_ID = {question.id: question for question in QUESTIONS}

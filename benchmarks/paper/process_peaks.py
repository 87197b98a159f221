"""How much memory does a process take that answers: SmartVM's, ONNX Runtime's, PyTorch's."""

from __future__ import annotations

from process_memory import CALLS, measure_child, write_inputs

from paper.model import (
    ONNX_RUNTIME,
    PEAK_MEMORY,
    PYTORCH,
    SMARTVM,
    ZOO_ONLY,
    Finding,
    Gap,
    Measurement,
    Options,
    reason,
)

QUESTION = "process_peaks"
PROCESSES = {SMARTVM: "smartvm", ONNX_RUNTIME: "onnxruntime", PYTORCH: "pytorch"}
MAPS = {SMARTVM: "buffer", PYTORCH: "activations"}
FEATURE_MAPS = "peak of the feature maps"


def measure(options: Options) -> list[Finding]:
    """Peaks of processes of their own, and of the feature maps in them."""
    findings: list[Finding] = []
    for name in options.networks:
        write_inputs(name)
        for contender in PROCESSES:
            findings.append(_peak(name, contender, PEAK_MEMORY, PROCESSES, options.threads))
        for contender in MAPS:
            findings.append(_peak(name, contender, FEATURE_MAPS, MAPS, options.threads))
    if options.artefact:
        findings.append(Gap(QUESTION, options.artefact.name, "", ZOO_ONLY))
    return findings


def _peak(name: str, contender: str, wanted: str, keys: dict[str, str], threads: int) -> Finding:
    """One peak; a gap where its process fails, which has printed why to the log."""
    try:
        peaks = measure_child(name, keys[contender], threads)
    except Exception as error:
        return Gap(QUESTION, name, contender, reason(error))
    is_process = wanted == PEAK_MEMORY
    value = peaks[-1] if is_process else peaks[0]
    note = f"after 1 and {CALLS} calls" if is_process else "of one call"
    return Measurement(QUESTION, name, contender, wanted, "bytes", value, note=note)

"""The evaluation of the paper, measured again; one module a question.

Each module has `measure(options) -> list[Measurement | Gap]` (`paper.model`), and runs in a process
of its own (`paper.run`). `smartvm bench` and `make paper` run all of them and write the report.
"""

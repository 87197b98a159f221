"""From text, Python and networks to bytecode: the assembler, the builder, code generation."""

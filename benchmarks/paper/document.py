"""A document of headings, paragraphs, tables and pictures, as Markdown and as one HTML file."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

Row = Sequence[str]


class Heading(NamedTuple):
    """A heading of level 1 to 3."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """Text, in which `code` is marked."""

    text: str


class Bullets(NamedTuple):
    """A list; `[text](#anchor)` refers to a heading (`anchor`)."""

    items: Sequence[str]


class Table(NamedTuple):
    """A table; `folded` under a summary that opens it, where it is long."""

    headings: Row
    rows: Sequence[Row]
    folded: str = ""


class Picture(NamedTuple):
    """A figure: a file beside the document (`.svg`, and `.png` of the same name)."""

    path: Path
    caption: str


Block = Heading | Paragraph | Bullets | Table | Picture

STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1c1c1c; --line: #ddd; --shade: #f4f6f5;
  --soft: #555; --link: #1f6f50; }
@media (prefers-color-scheme: dark) { :root { --page: #16191b; --text: #e4e4e4; --line: #3a3f42;
  --shade: #22282a; --soft: #aaa; --link: #6fc7a0; } }
body { background: var(--page); color: var(--text);
  font: 16px/1.55 Georgia, 'Times New Roman', serif; margin: 2.5rem auto;
  max-width: 72rem; padding: 0 1.2rem; }
a { color: var(--link); }
h1, h2, h3, table, figcaption, summary { font-family: system-ui, sans-serif; }
h1 { font-size: 1.9rem; }
h2 { border-top: 1px solid var(--line); margin-top: 2.6rem; padding-top: 1rem; }
table { border-collapse: collapse; display: block; font-size: .84rem; margin: 1rem 0;
  overflow-x: auto; }
th, td { border-bottom: 1px solid var(--line); padding: .32rem .7rem; text-align: right;
  vertical-align: top; }
th { background: var(--shade); } .text { min-width: 5.5rem; text-align: left; }
td:not(.text) { white-space: nowrap; }
td.text:last-child { min-width: 19rem; }
tr:hover td { background: var(--shade); }
figure { margin: 1.4rem 0; overflow-x: auto; }
img { background: #fff; border-radius: 4px; max-width: 100%; min-width: 34rem; }
figcaption { color: var(--soft); font-size: .85rem; }
code { background: var(--shade); font-size: .9em; padding: 0 .2em; }
details { margin: .8rem 0; } summary { color: var(--link); cursor: pointer; font-size: .9rem; }
"""


@dataclass
class Document:
    """Blocks, one after the other."""

    title: str
    blocks: list[Block]

    def markdown(self, directory: Path) -> str:
        """The document as Markdown, its pictures by their paths from `directory`."""
        parts = [f"# {self.title}", *(_markdown(block, directory) for block in self.blocks)]
        return "\n\n".join(parts) + "\n"

    def html(self) -> str:
        """The document as a file that needs no other."""
        title = html.escape(self.title)
        body = "\n".join(map(_html, self.blocks))
        return (
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n'
            f"<style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n"
        )


def _markdown(block: Block, directory: Path) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return text
        case Bullets(items):
            return "\n".join(f"- {item}" for item in items)
        case Table(headings, rows, folded):
            table = markdown_table(headings, rows)
            if not folded:
                return table
            return f"<details><summary>{html.escape(folded)}</summary>\n\n{table}\n\n</details>"
        case Picture(path, caption):
            name = path.with_suffix(".png").relative_to(directory)
            return f"![{caption}]({name.as_posix()})\n\n*{caption}*"


def markdown_table(headings: Row, rows: Sequence[Row]) -> str:
    """A table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in r)} |" for r in lines)


def _html(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f'<h{level} id="{anchor(text)}">{_inline(text)}</h{level}>'
        case Paragraph(text):
            return f"<p>{_inline(text)}</p>"
        case Bullets(items):
            return f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>"
        case Table(headings, rows, folded):
            is_text = [_is_text([row[i] for row in rows]) for i in range(len(headings))]
            body = "".join(_html_row(row, is_text) for row in rows)
            table = f"<table>{_html_row(headings, is_text, 'th')}{body}</table>"
            if not folded:
                return table
            return f"<details><summary>{_inline(folded)}</summary>{table}</details>"
        case Picture(path, caption):
            content = base64.b64encode(path.with_suffix(".svg").read_bytes()).decode()
            source = f"data:image/svg+xml;base64,{content}"
            return (
                f'<figure><img src="{source}" alt="{html.escape(caption)}">'
                f"<figcaption>{_inline(caption)}</figcaption></figure>"
            )


def _html_row(row: Row, is_text: Sequence[bool], tag: str = "td") -> str:
    """A row; columns of text are set to the left, figures to the right."""
    cells = (
        f"<{tag}{' class=text' if left else ''}>{_inline(cell)}</{tag}>"
        for cell, left in zip(row, is_text, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _is_text(column: Sequence[str]) -> bool:
    """Whether most entries of a column are no figures."""
    figures = sum(bool(re.match(r"[-−+]?[0-9—]", cell)) for cell in column if cell)
    return 2 * figures < sum(map(bool, column)) or not any(column)


def _inline(text: str) -> str:
    escaped = re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
    return re.sub(r"\[([^\]]+)\]\((#[\w-]+)\)", r'<a href="\2">\1</a>', escaped)


def anchor(heading: str) -> str:
    """What a heading is referred to by, in HTML and, as GitHub makes them, in Markdown."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")

"""The frame of every page: one file, own style, light and dark, readable on a telephone and on paper.

Text that came from a marketplace is escaped here; builders pass plain strings and SVG made by `bidder.report.svg`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--rule:#d9dee5;--paper:#fbfcfd;--card:#fff;--band:#f3ead2;
--c0:#0b6e4f;--c1:#b5541c;--c2:#3557a8;--c3:#8a3b8f;--c4:#6b7280;--c5:#a07900}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--rule:#2d3743;
--paper:#12171d;--card:#1a2129;
--band:#3a3320;--c0:#4cc79a;--c1:#f0955a;--c2:#86a7f5;--c3:#d58bda;--c4:#a3adba;--c5:#e0bd45}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
main{max-width:980px;margin:0 auto;padding:2rem 1.2rem 4rem}h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.15rem;margin:2.4rem 0 .6rem}p{max-width:68ch}.lead{color:var(--soft);margin-top:0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}caption{text-align:left;color:var(--soft)}
th,td{padding:.45rem .7rem;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top}
th:first-child,td:first-child,td.text,th.text{text-align:left}thead th{color:var(--soft);font-weight:600}
tbody tr:first-child td{font-weight:600}.scroll{overflow-x:auto}
figure{margin:.6rem 0;background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:.8rem}
svg{width:100%;height:auto;display:block}svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
svg .label,svg .name{font-size:13px;font-weight:600;fill:var(--ink)}.grid{stroke:var(--rule)}
.zero{stroke:var(--soft)}.band{fill:var(--band)}.line{fill:none;stroke-width:2.4;stroke-linejoin:round}
.mark{stroke:var(--ink);stroke-dasharray:4 3}
.line.c0{stroke:var(--c0)}.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}.line.c3{stroke:var(--c3)}
.line.c4{stroke:var(--c4)}.line.c5{stroke:var(--c5)}.bar.c0,.name.c0{fill:var(--c0)}.bar.c1,.name.c1{fill:var(--c1)}
.bar.c2,.name.c2{fill:var(--c2)}.bar.c3,.name.c3{fill:var(--c3)}.bar.c4,.name.c4{fill:var(--c4)}
.bar.c5,.name.c5{fill:var(--c5)}dl{margin:0}dt{font-weight:600;margin-top:1rem}dd{margin:.1rem 0 0}
.quiet{color:var(--soft);font-size:.92rem}footer{margin-top:3rem;color:var(--soft);font-size:.9rem}
@media print{body{background:#fff}figure{break-inside:avoid}}
"""


def page(title: str, lead: str, sections: Sequence[str], *, footer: str) -> str:
    """Return a complete HTML document of the sections, which are HTML already."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><link rel=icon href='data:,'><style>{_STYLE}</style></head><body><main>"
        f'<h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>{"".join(sections)}'
        f"<footer>{escape(footer)}</footer></main></body></html>\n"
    )


def section(heading: str, *bodies: str) -> str:
    """Return a section of HTML bodies under a heading."""
    return f"<section><h2>{escape(heading)}</h2>{''.join(bodies)}</section>"


def paragraph(text: str, *, quiet: bool = False) -> str:
    """Return a paragraph of plain text."""
    return f"<p{' class=quiet' if quiet else ''}>{escape(text)}</p>"


def figure(svg: str) -> str:
    """Return a plot in its frame."""
    return f"<figure>{svg}</figure>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, text_columns: Sequence[int] = (0,)) -> str:
    """Return a table; columns of text are aligned left, the others right."""

    def cell(tag: str, column: int, value: str) -> str:
        return f"<{tag}{' class=text' if column in text_columns else ''}>{escape(value)}</{tag}>"

    top = "".join(cell("th", n, name) for n, name in enumerate(head))
    body = "".join(f"<tr>{''.join(cell('td', n, value) for n, value in enumerate(row))}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def definitions(items: Sequence[tuple[str, str, str]]) -> str:
    """Return a list of (heading, sentence, small print)."""
    return (
        "<dl>"
        + "".join(
            f'<dt>{escape(head)}</dt><dd>{escape(sentence)}<div class="quiet">{escape(small)}</div></dd>'
            for head, sentence, small in items
        )
        + "</dl>"
    )

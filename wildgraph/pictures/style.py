"""How pictures look, and how they are saved: colours, fonts, and bytes that depend on nothing but what is drawn."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wildgraph.atomic import cannot_write
from wildgraph.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: File types that pictures can have.
FORMATS = ("png", "svg", "pdf")
#: Dots per inch of PNG files: enough for print at the size they have.
DPI = 200

INK, FAINT, LINE, PAPER = "#1b1f24", "#5a626c", "#e1e4e7", "#ffffff"
#: Told apart by people who see fewer colours too (Okabe and Ito 2008), darkened where text is set in them. The explorer's own.
SLOTS = ("#0072b2", "#b87300", "#009e73", "#b0508a", "#2f8fcb", "#d55e00")
OTHER = "#6e7781"
#: Marks, so that more kinds than there are colours can be told apart: discs, squares, triangles.
SHAPES = ("o", "s", "^")
PASSED = "#2f7fbf"
#: Colour of each class of rejection.
DROPPED = {"filtered": "#b4bac1", "gated": "#e0a020", "failed": "#c6453b"}
#: Drawn with the first of these that has the character: matplotlib brings the first itself, the others are used where they are installed.
FONTS = ("DejaVu Sans", "Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans Arabic", "Noto Sans Devanagari")

_SETTINGS = {
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": FAINT,
    "axes.titlecolor": INK,
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": FAINT,
    "ytick.color": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "svg.hashsalt": "wildgraph",  # else ids in SVG files are drawn at random
    "pdf.fonttype": 42,  # letters as letters: TrueType, which publishers ask for
}


def plain(text: str, most: int = 40) -> str:
    r"""Text that a picture can hold: one line, no character that cannot be printed, cut where it is long.

    Example:
        >>> plain("a\nb" + "x" * 60, most=6)
        'a bxx…'
    """
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


@contextmanager
def styled() -> Iterator[None]:
    """Within it, figures have the look of this package, whatever the reader's own settings are.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib import font_manager
    except ImportError as error:
        raise UsageError(f"pictures need matplotlib ({error})", "pip install 'wildgraph[pictures]'") from error
    installed = {font.name for font in font_manager.fontManager.ttflist}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        settings: dict[Any, object] = {**_SETTINGS, "font.family": [name for name in FONTS if name in installed]}
        matplotlib.rcParams.update(settings)
        yield


def write(
    axes: Axes, x: float, y: float, text: str, *, size: float = 9.0, colour: str = INK, align: str = "left", bold: bool = False
) -> None:
    """Text of data, which is never read as mathematics: a label may hold dollar signs."""
    axes.text(x, y, text, fontsize=size, color=colour, ha=align, va="center", fontweight="bold" if bold else "normal", parse_math=False)


def empty_figure(width: float, height: float) -> Figure:
    """A figure of ``width`` × ``height`` inches that no window knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, file: Path, format: str) -> None:  # noqa: A002 - matplotlib's own word
    """Write a figure; equal figures give equal bytes with one version of matplotlib.

    Args:
        figure: what was drawn.
        file: where to; its folder is made.
        format: ``png``, ``svg`` or ``pdf``.

    Raises:
        RunError: it cannot be written. UsageError: a folder has its name.
    """
    # What tells of the moment or of the program is left out.
    metadata = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    if file.is_dir():
        raise UsageError(f"{file} is a folder", "name a file")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.parent / f"{file.name}.partial"
        with styled(), warnings.catch_warnings():
            # A character that no installed font has is drawn as a box, which is to be seen in the picture itself.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(partial, format=format, dpi=DPI, metadata=metadata[format])
        partial.replace(file)
    except OSError as error:
        raise cannot_write(file, error) from error

"""The typefaces that synthetic pages are drawn with, and their characters as images."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

CAPITAL_HEIGHT = 80
"""Height of a capital letter in the images of `character_image`, in pixels."""

# Their digits look handwritten too.
HANDWRITING = (
    "amatic-sc", "annie-use-your-telescope", "architects-daughter", "bad-script", "caveat",
    "caveat-brush", "cedarville-cursive", "covered-by-your-grace", "delicious-handrawn", "delius",
    "gaegu", "gloria-hallelujah", "gochi-hand", "handlee", "homemade-apple", "indie-flower",
    "kalam", "liu-jian-mao-cao", "long-cang", "mansalva", "marck-script", "mr-de-haviland",
    "nanum-brush-script", "nanum-pen-script", "neucha", "oooh-baby", "patrick-hand",
    "permanent-marker", "playpen-sans", "poor-story", "reenie-beanie", "rock-salt", "schoolbell",
    "shadows-into-light", "shantell-sans", "short-stack", "sriracha", "sue-ellen-francisco",
    "swanky-and-moo-moo", "the-girl-next-door", "vibur", "whisper", "yomogi", "zen-kurenaido",
    "zhi-mang-xing",
)  # fmt: skip
# Handwritten letters, but digits as in print or ornate ones.
LETTERING = (
    "balsamiq-sans", "chilanka", "comic-neue", "courgette", "damion", "dancing-script",
    "finger-paint", "itim", "kaushan-script", "satisfy",
)  # fmt: skip
PRINT = (
    "abril-fatface", "alegreya", "anton", "arvo", "bebas-neue", "cormorant-garamond",
    "courier-prime", "eb-garamond", "inconsolata", "josefin-sans", "lato", "libre-baskerville",
    "lora", "merriweather", "montserrat", "nunito", "open-sans", "orbitron", "oswald",
    "playfair-display", "pt-sans-narrow", "pt-serif", "roboto", "roboto-slab", "share-tech-mono",
    "source-sans-3", "space-mono", "special-elite", "tinos", "ubuntu", "vt323", "zilla-slab",
)  # fmt: skip
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖИКЛМНПРСТУФХЦЧШЩЭЮЯ"
_KANA = (
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"
    "アイウエオカキクケコサシスセソタチツテトナニヌネノ"
)
_HAN = "一二三四五六七八九十年月日大小中国人上下学生本山川田水火木金土天文字手口目"
OTHER_SCRIPTS = {
    ("caveat", "cyrillic"): _CYRILLIC,
    ("bad-script", "cyrillic"): _CYRILLIC,
    ("marck-script", "cyrillic"): _CYRILLIC,
    ("neucha", "cyrillic"): _CYRILLIC,
    ("zen-kurenaido", "greek"): "αβγδεζηθκλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ",
    ("zen-kurenaido", "japanese"): _KANA,
    ("yomogi", "japanese"): _KANA + _HAN,
    ("long-cang", "chinese-simplified"): _HAN,
    ("zhi-mang-xing", "chinese-simplified"): _HAN,
    ("kalam", "devanagari"): "अआइईउऊएओकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह",
    ("sriracha", "thai"): "กขคฆงจฉชซฌญฎฏฐณดตถทธนบปผฝพฟภมยรลวศษสหอฮ",
}
_MATPLOTLIB_PRINT = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif",
    "DejaVuSerif-Bold", "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "cmr10", "cmss10",
    "cmtt10",
)  # fmt: skip
_MATPLOTLIB_LETTERING = ("cmmi10", "STIXGeneralItalic", "DejaVuSans")
_HERSHEY = {
    "hershey-simplex": cv2.FONT_HERSHEY_SIMPLEX,
    "hershey-plain": cv2.FONT_HERSHEY_PLAIN,
    "hershey-duplex": cv2.FONT_HERSHEY_DUPLEX,
    "hershey-script": cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    "hershey-script-complex": cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
}
_MATHEMATICS = "αβγδεθλμπρσφψωΓΔΘΛΣΦΨΩ∑∫√∞∂≤≥≠≈±"


@dataclasses.dataclass(frozen=True)
class Typeface:
    """A typeface: a font file, or one of OpenCV's Hershey fonts.

    Parameters
    ----------
    name
        Name of the typeface.
    path
        The font file; `None` for a Hershey font.
    characters
        The characters to draw it with; empty for the letters of the Latin alphabet.
    """

    name: str
    path: Path | None = None
    characters: str = ""


@dataclasses.dataclass(frozen=True)
class CharacterImage:
    """A character of a typeface, with capital letters `CAPITAL_HEIGHT` pixels high.

    Parameters
    ----------
    ink
        ``uint8 (h, w)``, 255 for full coverage.
    left
        Column of the text origin at which the image begins, in pixels.
    top
        Row at which the image begins, in pixels below the baseline (negative above it).
    advance
        Distance to the origin of the next character in pixels.
    """

    ink: NDArray[np.uint8]
    left: int
    top: int
    advance: float


class Typefaces:
    """The typefaces by use.

    Parameters
    ----------
    folder
        The ``node_modules`` folder with the ``@fontsource`` packages. Where it is missing, the
        typefaces of Matplotlib and OpenCV are used.

    Attributes
    ----------
    digits, letters, other_scripts, mathematics, print
        Lists of `Typeface`: handwriting with handwritten digits, handwriting with Latin letters,
        handwriting of other alphabets, symbols of mathematics, and print.
    """

    def __init__(self, folder: Path) -> None:
        fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
        self.digits = _latin(folder, HANDWRITING)
        self.letters = self.digits + _latin(folder, LETTERING)
        self.other_scripts = [
            Typeface(f"{name}-{script}", path, characters)
            for (name, script), characters in OTHER_SCRIPTS.items()
            for path in _files(folder, name, f"{script}-400-normal")
        ]
        matplotlib = {
            name: Typeface(name, fonts / f"{name}.ttf")
            for name in _MATPLOTLIB_PRINT + _MATPLOTLIB_LETTERING
        }
        hershey = [Typeface(name) for name in _HERSHEY]
        self.print = [matplotlib[name] for name in _MATPLOTLIB_PRINT] + [
            Typeface(f"{name}-{style}", path)
            for name in PRINT
            for style in ("400-normal", "400-italic", "700-normal")
            for path in _files(folder, name, f"latin-{style}")
        ]
        self.mathematics = [
            dataclasses.replace(matplotlib[name], characters=_MATHEMATICS)
            for name in ("DejaVuSans", "STIXGeneralItalic")
        ]
        if not self.digits:
            self.digits = hershey[:1]
            self.letters = hershey + [matplotlib[name] for name in _MATPLOTLIB_LETTERING]
        self.other_scripts = self.other_scripts or self.mathematics


def _files(folder: Path, name: str, style: str) -> list[Path]:
    path = folder / "@fontsource" / name / "files" / f"{name}-{style}.woff"
    return [path] if path.is_file() else []


def _latin(folder: Path, names: Sequence[str]) -> list[Typeface]:
    return [
        Typeface(name, path) for name in names for path in _files(folder, name, "latin-400-normal")
    ]


@functools.lru_cache(maxsize=512)
def load_font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """Return a font file at a size in pixels; the last 512 are kept."""
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


@functools.cache
def capital_share(path: Path) -> float:
    """Return the height of the capital letters of a font as a share of its size."""
    font = load_font(path, 200)
    heights = [-font.getbbox(letter, anchor="ls")[1] for letter in "HEZN"]
    height = float(np.median(heights))
    # Fonts of other alphabets have no Latin letters.
    return height / 200 if height > 20 else 0.7


@functools.cache
def character_image(typeface: Typeface, character: str) -> CharacterImage | None:
    """Return a character of a typeface, or `None` if it has none.

    Parameters
    ----------
    typeface
        The typeface.
    character
        One character.

    Returns
    -------
    CharacterImage or None
        The same object for equal arguments.
    """
    if typeface.path is None:
        return _hershey_image(_HERSHEY[typeface.name], character)
    font = load_font(typeface.path, round(CAPITAL_HEIGHT / capital_share(typeface.path)))
    missing = font.getmask("\uffff")
    mask = font.getmask(character)
    if mask.size == missing.size and bytes(mask) == bytes(missing):
        return None
    left, top, right, bottom = (int(edge) for edge in font.getbbox(character, anchor="ls"))
    if right - left < 2 or bottom - top < 2:
        return None
    picture = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(picture).text((2 - left, 2 - top), character, 255, font, anchor="ls")
    ink = np.asarray(picture, np.uint8)
    if not ink.any():
        return None
    return CharacterImage(ink, left - 2, top - 2, font.getlength(character))


def _hershey_image(font: int, character: str) -> CharacterImage | None:
    if not " " < character < "\x7f":
        return None
    (_, capital), _ = cv2.getTextSize("H", font, 1, 1)
    scale = CAPITAL_HEIGHT / capital
    (width, height), baseline = cv2.getTextSize(character, font, scale, 1)
    margin = 12
    canvas = np.zeros((height + baseline + 2 * margin, width + 2 * margin), np.uint8)
    cv2.putText(canvas, character, (margin, margin + height), font, scale, 255, 7, cv2.LINE_AA)
    rows, columns = np.flatnonzero(canvas.any(1)), np.flatnonzero(canvas.any(0))
    top, left = rows[0], columns[0]
    ink = np.ascontiguousarray(canvas[top : rows[-1] + 1, left : columns[-1] + 1])
    return CharacterImage(ink, int(left) - margin, int(top) - margin - height, width)

"""What the service receives and returns, as its OpenAPI description shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mnistcnn.images.image_formats.tiff import MAX_PAGES
from mnistcnn.ocr.results import DEFAULT_MIN_CONFIDENCE

_MAX_PATTERN_CHARS = 1000
_NUMBER = r"\d{1,9}(\.\d{0,9})?"
_REGION = rf"^{_NUMBER}(,{_NUMBER}){{3}}$"

Probability = Annotated[float, Field(ge=0, le=1)]
_Pixel = Annotated[int, Field(ge=0, le=255)]
_Row = Annotated[list[_Pixel], Field(min_length=28, max_length=28)]
_Image = Annotated[list[_Row], Field(min_length=28, max_length=28)]


def _check_region(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(_REGION, text, re.ASCII):
        raise ValueError("must be four numbers with commas between them")
    return text


class ReadOptions(BaseModel):
    """Query parameters of ``POST /read``, as `Recognizer.read` takes them."""

    model_config = ConfigDict(extra="forbid")

    page: int | None = Field(
        None,
        ge=1,
        le=MAX_PAGES,
        description="Number of the page to read in a TIFF file or PDF document; default: all.",
    )
    region: Annotated[str | None, AfterValidator(_check_region)] = Field(
        None,
        json_schema_extra={"pattern": _REGION},
        description="Left, top, right and bottom of the part to read: in pixels, or as fractions "
        "such as 0.5,0.0,1.0,0.25; default: the whole picture.",
    )
    pattern: str | None = Field(
        None,
        max_length=_MAX_PATTERN_CHARS,
        description=r"Regular expression of the number to expect, such as \d{5}; default: any "
        "text.",
    )
    min_confidence: float = Field(
        DEFAULT_MIN_CONFIDENCE,
        ge=0,
        lt=1,
        description="Digits with a lower confidence are omitted.",
    )
    polarity: Literal["auto", "dark", "light"] = Field(
        "auto", description="Which ink is read: any, or only ink darker or lighter than the paper."
    )
    doubtful: str | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="Character that marks digits with a lower confidence, instead of omitting "
        "them.",
    )
    signs: str | None = Field(
        None,
        min_length=1,
        max_length=3,
        description="Signs to read beside the digits, such as .,-; default: none.",
    )

    def to_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `Recognizer.read`, without the page."""
        arguments = self.model_dump(exclude={"page"})
        if self.region is not None:
            number = float if "." in self.region else int
            arguments["region"] = tuple(map(number, self.region.split(",")))
        return arguments


class DigitItem(BaseModel):
    """A digit with its place on the page."""

    label: int = Field(
        ge=0, le=9, description="The most probable digit; with a pattern, the one that fits."
    )
    confidence: Probability
    box: list[int] = Field(
        min_length=4,
        max_length=4,
        description="Left, top, right and bottom in pixels; right and bottom are exclusive.",
    )
    doubtful: bool


class LineDigit(DigitItem):
    """A digit of a reading."""

    line: int = Field(ge=1)


class SignItem(BaseModel):
    """A decimal point, comma or minus sign of a reading."""

    line: int = Field(ge=1)
    label: Literal[".", ",", "-"]
    confidence: Probability
    box: list[int] = Field(min_length=4, max_length=4)
    position: int = Field(ge=0, description="Number of digits of the line before it.")
    omitted: bool = Field(description="Whether the text omits it: it does not fit the pattern.")


class Page(BaseModel):
    """The reading of a page, or the reason why there is none."""

    image: str = Field(description='Always "picture": a request has no file name.')
    page: int = Field(ge=1)
    text: str | None = Field(None, description="The digits, one line per line of the page.")
    probability: Probability | None = Field(
        None, description="Probability that the whole text is right."
    )
    width: int | None = None
    height: int | None = None
    rotation: int | None = Field(None, description="Degrees by which the text is turned.")
    digits: list[LineDigit] | None = None
    omitted: list[DigitItem] | None = None
    signs: list[SignItem] | None = None
    error: str | None = None


class ReadResult(BaseModel):
    """The result of ``POST /read``: that of ``mnistcnn read --json``."""

    images: list[Page] = Field(min_length=1)
    failed: int = Field(ge=0, description="Number of pages without a reading.")


class PredictRequest(BaseModel):
    """The body of ``POST /predict``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    images: list[_Image] = Field(
        min_length=1,
        description="Images of 28 rows of 28 integers in 0...255, as in MNIST: 0 is background, "
        "255 full ink.",
    )


class PredictResult(BaseModel):
    """The result of ``POST /predict``."""

    class_names: list[str] = Field(description="The name of each class.")
    labels: list[int] = Field(description="The most probable class of each image, by its index.")
    probabilities: list[list[Probability]] = Field(
        description="For each image, the probability of each class."
    )


class Health(BaseModel):
    """The result of ``GET /healthz``."""

    status: str


class Version(BaseModel):
    """The result of ``GET /version``."""

    mnistcnn: str
    weights: str = Field(description="Name of the pretrained weights, or of the file.")


class Failure(BaseModel):
    """The body of every response that reports an error."""

    detail: str = Field(description="The rule, and what was received, in one sentence.")


def describe_violation(name: str, error: Mapping[str, Any]) -> str:
    """Return the rule that a value violates, in the words of this package.

    Parameters
    ----------
    name : str
        Name of the value.
    error : mapping
        An element of ``pydantic.ValidationError.errors()``.
    """
    if error["type"] == "value_error":  # one of this package
        return f"{name} {error['ctx']['error']}"
    rule = re.sub(r"^(Input|String|List) should ", "must ", error["msg"])
    return f"{name} {rule}" if rule.startswith("must ") else f"{name}: {rule}"

"""POST /read: the same results as the library and the command, and one sentence for each error."""

import io
import json

import pytest
from PIL import Image

import mnistcnn
from mnistcnn.cli.main import main
from tests.helpers import image_bombs


def file_of(*pages, file_format="TIFF"):
    file = io.BytesIO()
    first, *others = map(Image.fromarray, pages)
    first.save(file, file_format, save_all=True, append_images=others)
    return file.getvalue()


def test_the_result_is_that_of_the_command(client, picture, tmp_path, capsys):
    (tmp_path / "picture").write_bytes(picture)
    assert main(["read", "picture", "--json", "--pattern", r"\d{3}"]) == 0
    response = client.post("/read", params={"pattern": r"\d{3}"}, content=picture)
    assert response.status_code == 200
    assert response.json() == json.loads(capsys.readouterr().out)
    assert response.json()["images"][0]["text"] == "871"


def test_the_options_are_those_of_the_library(client, picture, recognizer):
    options = {"min_confidence": 0.9, "doubtful": "?", "polarity": "dark", "signs": ".,"}
    expected = recognizer.read(picture, region=(0, 0, 52, 52), **options).to_dict()
    parameters = {**options, "region": "0,0,52,52", "page": 1}
    (result,) = client.post("/read", params=parameters, content=picture).json()["images"]
    assert result == {"image": "picture", **expected}
    (result,) = client.post("/read?region=0.0,0.0,0.333,1.0", content=picture).json()["images"]
    assert result["text"] == "8"


def test_every_page_of_a_document_is_read(client, pixels):
    content = file_of(pixels[:, :52], pixels)
    report = client.post("/read", content=content).json()
    assert [(page["page"], page["text"]) for page in report["images"]] == [(1, "8"), (2, "871")]
    (page,) = client.post("/read?page=2", content=content).json()["images"]
    assert (page["page"], page["text"]) == (2, "871")


def test_a_page_that_cannot_be_read_has_an_error(client, pixels):
    response = client.post("/read?pattern=871", content=file_of(pixels[:, :52], pixels))
    assert response.status_code == 200
    report = response.json()
    assert report["failed"] == 1
    assert report["images"][0] == {
        "image": "picture",
        "page": 1,
        "error": "picture must show a number that fits the pattern '871'; it shows '8'",
    }
    assert report["images"][1]["text"] == "871"


@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        ("page=0", "page must be greater than or equal to 1; received '0'"),
        ("page=2", "page must be at most 1, the last page; received 2"),
        ("page=one", "page must be a valid integer, unable to parse string as an integer; received 'one'"),
        ("min_confidence=1", "min_confidence must be less than 1; received '1'"),
        ("min_confidence=nan", "min_confidence must be less than 1; received 'nan'"),
        ("region=1,2", "region must be four numbers with commas between them; received '1,2'"),
        ("region=0,0,1,1%0a", "region must be four numbers with commas between them; received '0,0,1,1\\n'"),
        ("region=9,0,1,1", "region must have left < right and top < bottom; received (9, 0, 1, 1)"),
        ("region=0,0,999,52", "region must lie within the picture, 156 × 52 pixels; received (0, 0, 999, 52)"),
        ("pattern=(", "pattern must close each group; received '('"),
        ("pattern=[0-1]", "picture must show a number that fits the pattern '[0-1]'; it shows '871'"),
        ("signs=%2B", "signs must be characters among '.', ',', '-', such as '.-'; received '+'"),
        ("doubtful=12", "doubtful must have at most 1 character; received '12'"),
        ("doubtful=1", "doubtful must be one character other than a digit, '.', ',', '-' or a blank; received '1'"),
        ("boxes=1", "query parameters must be among page, region, pattern, min_confidence, polarity, doubtful, signs; received 'boxes'"),
    ],
)  # fmt: skip
def test_an_invalid_option_is_422_with_one_sentence(client, picture, parameters, detail):
    response = client.post(f"/read?{parameters}", content=picture)
    assert (response.status_code, response.json()) == (422, {"detail": detail})


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "picture must be an image; received 0 bytes"),
        (b"text", "picture must be an image in one of these formats: BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP"),
        (b"GIF89a", "picture must be an undamaged image; its header is incomplete"),
        (image_bombs.png(9_000, 9_000), "picture must hold at most 50 megapixels; received 9,000 × 9,000 pixels"),
        (image_bombs.png(1, 31_000), "picture must have sides of at most 30,000 pixels; received 1 × 31,000 pixels"),
    ],
    ids=["empty", "text", "truncated", "pixels", "side"],
)  # fmt: skip
def test_an_invalid_picture_is_422_with_one_sentence(client, content, detail):
    response = client.post("/read", content=content)
    assert (response.status_code, response.json()) == (422, {"detail": detail})


def test_a_form_is_415(client, picture):
    response = client.post("/read", files={"file": picture})
    assert response.status_code == 415
    assert response.json() == {
        "detail": "the body must be the picture itself; received a multipart form"
    }


def test_a_format_whose_extra_is_missing_is_415(client, monkeypatch):
    monkeypatch.setattr("mnistcnn.utils.environment.is_installed", lambda _: False)
    response = client.post("/read", content=b"%PDF-1.4")
    assert response.status_code == 415
    assert response.json() == {
        "detail": "reading PDF files needs pypdfium2; pip install 'mnistcnn[pdf]'"
    }


def test_a_network_of_other_classes_does_not_read(client, picture, monkeypatch):
    recognizer = mnistcnn.Recognizer(num_threads=1)
    recognizer.class_names = ("a", "b")
    monkeypatch.setitem(client.app.state._state, "recognizer", recognizer)
    response = client.post("/read", content=picture)
    assert response.status_code == 422
    assert response.json()["detail"].startswith("read must have a network of the ten digits")

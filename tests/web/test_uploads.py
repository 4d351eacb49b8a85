"""A form with a file is read to the byte, or not at all."""

from __future__ import annotations

import random

import pytest

from basira.api.http.problems import ProblemException
from basira.web.uploads import read_upload

KIND = "multipart/form-data; boundary=----WebKitFormBoundaryA1"


def form(content: bytes, *, name: str = "facture.pdf", more: bytes = b"") -> bytes:
    return (
        b'------WebKitFormBoundaryA1\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\nabc\r\n'
        + f'------WebKitFormBoundaryA1\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'.encode()
        + b"Content-Type: application/pdf\r\n\r\n"
        + content
        + b"\r\n"
        + more
        + b"------WebKitFormBoundaryA1--\r\n"
    )


@pytest.mark.parametrize("seed", range(20))
def test_every_byte_comes_through(seed: int) -> None:
    rng = random.Random(seed)
    content = b"".join(
        rng.choice([b"\r\n", b"--", b"\r", b"\n", b"\x00", bytes([rng.randrange(256)])]) for _ in range(500)
    )
    made = read_upload(form(content, name="رقم%22 1.pdf"), KIND)
    assert (made.fields, made.name, made.content) == ({"csrf_token": "abc"}, 'رقم" 1.pdf', content)


def test_an_empty_file_is_empty() -> None:
    assert read_upload(form(b"", name=""), KIND).content == b""


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (form(b"x"), "application/x-www-form-urlencoded", 415),
        (form(b"x"), "multipart/form-data", 415),
        (form(b"x"), "multipart/form-data; boundary=other", 400),
        (b"", KIND, 400),
        (form(b"x")[:-6], KIND, 400),
        (b"preamble\r\n" + form(b"x"), KIND, 400),
        (form(b"x", more=form(b"y")[:-29]), KIND, 400),
        (form(b"x").replace(b"abc", b"a\x00c"), KIND, 400),
        (form(b"x").replace(b"abc", b"a\xffc"), KIND, 400),
        (form(b"x").replace(b"form-data; name", b"inline; name"), KIND, 400),
    ],
)
def test_what_is_no_such_form_is_rejected(body: bytes, kind: str, status: int) -> None:
    with pytest.raises(ProblemException) as caught:
        read_upload(body, kind)
    assert caught.value.status_code == status

"""Values with parameters are parsed like the multipart parser does, in linear time."""

from __future__ import annotations

import pytest
from python_multipart.multipart import parse_options_header

from imagesvc.syntax.field_parameters import MAX_PARAMETERS, parameters_of, value_of

ORDINARY = [
    "",
    "image/png",
    " Image/PNG ",
    "multipart/form-data; boundary=----WebKitFormBoundaryABC",
    'multipart/form-data; boundary="a b;c"',
    "multipart/form-data;boundary=x;charset=UTF-8",
    "multipart/form-data ; BOUNDARY = x ",
    'form-data; name="file"; filename="a.jpg"',
    'form-data; name="file"; filename="a;b=c.jpg"',
    r'form-data; name="file"; filename="a\"b.jpg"',
    r'form-data; name="file"; filename="a\b.jpg"',
    r'form-data; name="file"; filename="a\\b.jpg"',
    'form-data; name="file"; filename="a\\"',
    'form-data; name=file; filename=a.jpg; filename="b.jpg"',
    'form-data; name=""; filename=""',
    "form-data; name; ; ;filename=a.jpg",
    'form-data; name="\u00fc"',
]


@pytest.mark.parametrize("field", ORDINARY)
def test_ordinary_fields_are_read_as_the_library_reads_them(field: str) -> None:
    """The two must agree about normal fields."""
    value, parameters = parse_options_header(field)
    expected = {name.decode("latin-1"): text.decode("latin-1") for name, text in parameters.items()}
    expected = {name: text for name, text in expected.items() if name.isalpha() and text}

    found = {name: text for name, text in parameters_of(field).items() if text}

    assert value_of(field) == value.decode("latin-1")
    assert found == expected


def test_parameters_beyond_the_bound_are_not_read() -> None:
    """A field with very many costs no more than one with a few."""
    field = "".join(f"; p{number}=x" for number in range(MAX_PARAMETERS + 1))

    assert list(parameters_of(field)) == [f"p{number}" for number in range(MAX_PARAMETERS)]

"""From the text of a search to its terms. Pure: it never looks at a database.

    query  = { space } { either { space } }
    either = term { spaces "OR" spaces term }          ; binds more closely than the spaces around
    term   = [ "-" ] ( phrase | field ":" value | word )
    phrase = '"' characters without '"' '"'
    value  = phrase | characters without spaces      ; tags: some of them, with commas between
    field  = "tags" | "title" | "desc" | "filename" | "camera" | "date" | "from" | "to"
           | "format" | "size" | "width" | "height" | "orientation" | "color" | "similar" | "is"
    word   = characters without spaces

Everything else with a colon is a word, and so are the operators of other search languages. `OR`
is a word where no term comes before or after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from imagesvc.errors import InvalidQuery
from imagesvc.store.search import values
from imagesvc.store.search.terms import (
    Alternative,
    Atom,
    Dated,
    Either,
    From,
    Measure,
    Query,
    Similar,
    Tags,
    Term,
    TextField,
    To,
    Words,
)

MAX_LENGTH = 500
"""Characters of a query."""
MAX_TERMS = 32
"""Words, phrases, fields, and tags of a field."""

_TEXT_FIELDS = {str(field): field for field in TextField if field}
_READERS: dict[str, Callable[[str], Atom]] = {
    "date": lambda text: Dated(values.read_day(text)),
    "from": lambda text: From(values.read_whole_day(text)),
    "to": lambda text: To(values.read_whole_day(text)),
    "format": values.read_format,
    "orientation": values.read_shape,
    "color": values.read_color,
    "similar": values.read_similar,
    "is": values.read_mark,
    "size": partial(values.read_range, Measure.SIZE),
    "width": partial(values.read_range, Measure.WIDTH),
    "height": partial(values.read_range, Measure.HEIGHT),
}
FIELDS = frozenset({"tags", *_TEXT_FIELDS, *_READERS})
"""The valid words before a colon."""
_FIELD = re.compile(f"({'|'.join(sorted(FIELDS))}):", re.IGNORECASE | re.ASCII)

_OR = re.compile(r"\s+OR\s+(?=\S)")
_ALTERNATIVE = (
    "a word, a phrase, tags:, title:, desc:, filename:, camera:, date:, format:, orientation:, is: "
    "or the name of a color: beside OR"
)


def parse(text: str) -> Query:
    """The terms of a query.

    Raises:
        InvalidQuery: it breaks the grammar; the error says in which column, counted from 1, and
            what was expected there.
    """
    if len(text) > MAX_LENGTH:
        raise _unexpected(MAX_LENGTH, f"at most {MAX_LENGTH} characters")
    return _Reader(text).query()


def _unexpected(index: int, expected: str, found: str = "") -> InvalidQuery:
    column = index + 1
    but = f", not {found[:40]!a}" if found else ""
    detail = f"Column {column} of q: expected {expected}{but}."
    return InvalidQuery(detail, ((f"q:{column}", f"expected {expected}{but}"),))


class _Reader:
    """Reads one text from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._count = 0

    def query(self) -> Query:
        terms: list[Term] = []
        while self._skip_spaces():
            terms.append(self._either())
            if isinstance(terms[-1].atom, Similar):
                self._check_similar(terms)
        return Query(tuple(terms))

    def _either(self) -> Term:
        terms = [self._term()]
        while match := _OR.match(self._text, self._at):
            self._at = match.end()
            terms.append(self._term())
        if len(terms) == 1:
            return terms[0]
        atoms: list[Alternative] = []
        for term in terms:
            if term.is_negated or not isinstance(term.atom, Alternative):
                raise _unexpected(term.column - 1, _ALTERNATIVE, str(term))
            atoms.append(term.atom)
        return Term(Either(tuple(atoms)), column=terms[0].column)

    def _skip_spaces(self) -> bool:
        """Advance to the next term; returns whether there is one."""
        while self._peek().isspace():
            self._at += 1
        return self._at < len(self._text)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _term(self) -> Term:
        start = self._at
        self._count_one(start)
        following = self._text[start + 1 : start + 2]
        is_negated = self._peek() == "-" and following != "" and not following.isspace()
        self._at += is_negated
        return Term(self._atom(), is_negated, column=start + 1)

    def _count_one(self, index: int) -> None:
        self._count += 1
        if self._count > MAX_TERMS:
            raise _unexpected(index, f"at most {MAX_TERMS} words, fields and tags")

    def _atom(self) -> Atom:
        if self._peek() == '"':
            return Words(self._phrase(), is_quoted=True)
        match = _FIELD.match(self._text, self._at)
        if match is None:
            return Words(self._run())
        name = match[1].lower()
        self._at = match.end()
        if name == "tags":
            return self._tags()
        if name in _TEXT_FIELDS:
            return self._words(_TEXT_FIELDS[name])
        return self._value(_READERS[name])

    def _run(self) -> str:
        """Characters up to the next space or the end."""
        start = self._at
        while self._at < len(self._text) and not self._peek().isspace():
            self._at += 1
        return self._text[start : self._at]

    def _phrase(self) -> str:
        start = self._at
        end = self._text.find('"', start + 1)
        if end < 0:
            raise _unexpected(len(self._text), f'a " that closes the one in column {start + 1}')
        if not self._text[start + 1 : end].strip():
            raise _unexpected(start + 1, "words between the quotes")
        self._at = end + 1
        return self._text[start + 1 : end]

    def _words(self, field: TextField) -> Words:
        if self._peek() == '"':
            return Words(self._phrase(), field, is_quoted=True)
        start = self._at
        text = self._run()
        if not text:
            raise _unexpected(start, f"words after {field}:")
        return Words(text, field)

    def _value(self, read: Callable[[str], Atom]) -> Atom:
        start = self._at
        text = self._run()
        try:
            return read(text)
        except ValueError as error:
            raise _unexpected(start, str(error), text) from error

    def _tags(self) -> Tags:
        found = [self._tag()]
        while self._peek() == ",":
            self._at += 1
            self._count_one(self._at)
            found.append(self._tag())
        if self._peek() and not self._peek().isspace():
            raise _unexpected(self._at, "a comma or a space after the tag", self._peek())
        return Tags(tuple(found))

    def _tag(self) -> str:
        start = self._at
        if self._peek() == '"':
            text = self._phrase()
        else:
            match = re.compile(r'[^\s,"]*').match(self._text, start)
            text = match[0] if match else ""
            self._at = start + len(text)
        tag = re.sub(r"^[\s#]+|\s+$", "", text).casefold()
        if not tag:
            raise _unexpected(start, "a tag")
        return tag

    def _check_similar(self, terms: list[Term]) -> None:
        newest = terms[-1]
        if newest.is_negated:
            raise _unexpected(newest.column - 1, "similar: without - before it")
        if sum(isinstance(term.atom, Similar) for term in terms) > 1:
            raise _unexpected(newest.column - 1, "one similar: at most")

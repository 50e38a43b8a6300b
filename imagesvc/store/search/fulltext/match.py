"""What a search asks the full-text index for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from imagesvc.model.images import Viewer, Visibility
from imagesvc.store.search.colors import lab, near_cells
from imagesvc.store.search.fulltext.days import cover, day_keys, keys_between
from imagesvc.store.search.fulltext.expressions import (
    AllOf,
    AnyOf,
    Expression,
    In,
    Keyed,
    Labelled,
    Phrase,
    Place,
    Without,
    all_but,
)
from imagesvc.store.search.fulltext.words import is_letter
from imagesvc.store.search.listing import ImageFilter
from imagesvc.store.search.terms import (
    Alternative,
    Atom,
    Colored,
    Dated,
    Either,
    From,
    Hued,
    Marked,
    OfFormat,
    Shaped,
    Tags,
    Term,
    TextField,
    To,
    Words,
)

_PLACES: dict[TextField, tuple[Place, ...]] = {
    TextField.ANY: (Place.TITLE, Place.DESCRIPTION, Place.TAGS, Place.FILENAME),
    TextField.TITLE: (Place.TITLE,),
    TextField.DESCRIPTION: (Place.DESCRIPTION,),
    TextField.FILENAME: (Place.FILENAME,),
    TextField.CAMERA: (Place.CAMERA,),
}
_RANKED_PLACES = ((Place.TITLE,), (Place.TITLE, Place.TAGS), _PLACES[TextField.ANY])
_NOTHING = Keyed(())


@dataclass(frozen=True, slots=True)
class Match:
    """The query of the full-text index: an expression for each rank, the best first."""

    ranks: tuple[Expression, ...]
    """The last one matches all images that the others match."""
    exclusive: tuple[Expression, ...]
    """The same, each without the images of the ranks before it, at up to three times the cost."""

    @property
    def any_rank(self) -> Expression:
        """Images that match one of the ranks."""
        return self.ranks[-1]

    def without_ranks(self) -> Match:
        """AllOf matches as one rank."""
        return Match((self.any_rank,), (self.any_rank,))


def match_of(wanted: ImageFilter) -> Match | None:
    """The expressions for a filter; None if it contains nothing that the index has."""
    terms = [term for term in wanted.query.terms if _is_indexed(term)]
    if not terms:
        return None
    free = [
        term.atom
        for term in terms
        if isinstance(term.atom, Words) and not term.atom.field and not term.is_negated
    ]
    required = [
        _expression(term.atom, wanted.viewer)
        for term in terms
        if not term.is_negated and term.atom not in free and not isinstance(term.atom, From | To)
    ]
    between = keys_between([term.atom for term in terms if not term.is_negated])
    required += [] if between is None else [_keyed(between)]
    required += _filters(wanted)
    excluded = [_expression(_whole(term.atom), wanted.viewer) for term in terms if term.is_negated]
    excluded += _hidden_from(wanted.viewer)
    if not free:
        only = all_but(required or [_anyone()], excluded)
        return Match((only,), (only,))
    ranks = _ranks(free)
    return Match(
        tuple(all_but([rank, *required], excluded) for rank in ranks),
        tuple(
            all_but([rank, *required], [*ranks[:place][-2:], *excluded])
            for place, rank in enumerate(ranks)
        ),
    )


def _is_indexed(term: Term) -> bool:
    match term.atom:
        case Words():
            return any(map(is_letter, term.atom.text))
        case Colored():
            return not term.is_negated  # a cell also has colours that are not near
        case Either():
            return bool(_known(term.atom))
        case _:
            return isinstance(
                term.atom, Tags | Dated | From | To | OfFormat | Shaped | Marked | Hued
            )


def _known(either: Either) -> list[Alternative]:
    """The alternatives in the index: punctuation alone is ignored here, too."""
    return [atom for atom in either.atoms if _is_indexed(Term(atom))]


def _whole(atom: Atom) -> Atom:
    """Words that are excluded are whole ones: who wants no sea may want a season."""
    return replace(atom, is_quoted=True) if isinstance(atom, Words) else atom


def _ranks(words: Sequence[Words]) -> list[Expression]:
    """Whole words before beginnings, in the title before tags before the rest.

    Whole words cost what a page costs; beginnings cost what all words with them have, and they
    are asked for only when a page is not full yet. Each set holds the ones before it, but for
    the first of beginnings, which need not hold whole words outside of title and tags.
    """
    phrases = tuple(Phrase(word.text) for word in words)
    whole: list[Expression] = [In(places, phrases) for places in _RANKED_PLACES]
    if all(word.is_quoted for word in words):
        return whole
    begun = tuple(map(_phrase, words))
    return [*whole, *(In(places, begun) for places in _RANKED_PLACES[1:])]


def _expression(atom: Atom, viewer: Viewer) -> Expression:
    match atom:
        case Words():
            return In(_PLACES[atom.field], (_phrase(atom),))
        case Tags():
            return Labelled(atom.tags)
        case Dated():
            return AllOf(tuple(Keyed((key,)) for key in day_keys(atom.day)))
        case Either():
            return AnyOf(tuple(_expression(one, viewer) for one in _known(atom)))
        case Marked():
            return _marked(atom, viewer)
        case _:
            return _keyed(_some_keys(atom))


def _some_keys(atom: Atom) -> list[str]:
    """Keys that an image has one of."""
    match atom:
        case From():
            keys = cover(atom.day.first, date.max)
        case To():
            keys = cover(date.min, atom.day.last)
        case OfFormat():
            keys = [f"f{atom.format}"]
        case Shaped():
            keys = [f"s{atom.shape}"]
        case Hued():
            keys = [f"h{atom.hue}"]
        case Colored():
            keys = [f"k{cell}" for cell in near_cells(lab(atom.rgb))]
        case _:
            raise TypeError(atom)
    return keys


def _marked(atom: Marked, viewer: Viewer) -> Expression:
    """Own images with a mark: those of others are not shown."""
    mark = Keyed((f"is{atom.mark}",))
    if viewer.sees_all:
        return mark
    return (
        _NOTHING if viewer.owner_id is None else AllOf((mark, Keyed((f"o{viewer.owner_id.hex}",))))
    )


def _phrase(words: Words) -> Phrase:
    return Phrase(words.text, is_begun=not words.is_quoted)


def _keyed(keys: Sequence[str]) -> Keyed:
    return Keyed(tuple(keys))


def _hidden_from(viewer: Viewer) -> list[Expression]:
    """The part that the index leaves out, so that hidden images cost no time and have no rank.

    Hidden images are fewer than public ones, and FTS5 skips the shorter list faster.
    """
    if viewer.sees_all:
        return []
    hidden = Keyed((f"v{Visibility.UNLISTED}", f"v{Visibility.PRIVATE}"))
    if viewer.owner_id is None:
        return [hidden]
    return [Without(hidden, Keyed((f"o{viewer.owner_id.hex}",)))]


def _filters(wanted: ImageFilter) -> list[Expression]:
    required: list[Expression] = []
    if wanted.owner_id is not None:
        required.append(Keyed((f"o{wanted.owner_id.hex}",)))
    if wanted.visibility is not None:
        required.append(Keyed((f"v{wanted.visibility}",)))
    return required


def _anyone() -> Expression:
    return Keyed(tuple(f"v{visibility}" for visibility in Visibility))

"""Pages from templates: the environment of Jinja2, and what every template knows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from imagesvc.auth.principals import Principal, Scope
from imagesvc.errors import NotFound
from imagesvc.http.bodies.html_forms import prefers_html
from imagesvc.http.calls import Context
from imagesvc.web.assets import assets
from imagesvc.web.languages import (
    LANGUAGES,
    Texts,
    catalogues,
    explained,
    language_of,
    problem_texts,
)
from imagesvc.web.security import fields_of_page

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "templates"
THEMES = ("light", "dark")
THEME_COOKIE = "imagesvc_theme"
UPLOAD_TEXTS = "upload"


@functools.cache
def environment() -> Environment:
    """The templates with autoescaping; the first call reads all files and compiles them."""
    import jinja2  # noqa: PLC0415  # a start without visitors of the gallery does not need it

    files = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.html")}
    made = jinja2.Environment(
        autoescape=True,
        loader=jinja2.DictLoader(files),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    for name in files:
        made.get_template(name)
    return made


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its template, and what its script gets."""

    template: str
    texts: tuple[str, ...]
    """The first parts of the keys of texts that its script shows."""
    data: Mapping[str, Any] = field(default_factory=dict)
    has_secret_url: bool = False
    status: HTTPStatus = HTTPStatus.OK
    is_for_admins: bool = False
    words: Mapping[str, str | bool] = field(default_factory=dict)
    """Further texts and conditions, by their names in the template."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Makes the responses with pages."""

    presets: Mapping[str, str]
    """The end of the URL of each preset: its name and version."""
    has_accounts: bool
    uploads: Mapping[str, Any]
    """What the upload tray has to know of the settings."""
    is_on: bool
    """Whether the service has a gallery."""

    def check_is_on(self) -> None:
        """Hide everything of a gallery that is switched off.

        Raises:
            NotFound: it is.
        """
        if not self.is_on:
            raise NotFound("The gallery is switched off.")

    def check(self, request: Request) -> None:
        """Check that a request may have a page.

        Raises:
            NotFound: the gallery is switched off, or the request does not prefer HTML.
        """
        self.check_is_on()
        if not prefers_html(request):
            raise NotFound("This is a page for browsers.")

    async def response(self, context: Context, user: Principal | None, page: Page) -> Response:
        """A page for a user; None is a visitor who has not logged in."""
        await run_in_threadpool(_prepare)
        language = language_of(context.request)
        texts = catalogues()[language]
        theme = context.request.cookies.get(THEME_COOKIE)
        data = {**self._data(context, user, language), **page.data}
        parts = (*page.texts, UPLOAD_TEXTS) if data["uploads"] else page.texts
        html = environment().get_template(page.template).render(
            page=data | {"texts": _starting(texts, parts)},
            base=context.base_path,
            assets=data["assets"],
            language=language,
            languages=LANGUAGES,
            theme=theme if theme in THEMES else "auto",
            user=data["user"],
            has_accounts=self.has_accounts,
            path=context.request.url.path,
            search=context.request.query_params.get("q", ""),
            t=_text_of(texts),
            explained=functools.partial(explained, language),
            **page.words,
        )  # fmt: skip
        fields = fields_of_page(has_secret_url=page.has_secret_url)
        return HTMLResponse(html, page.status, fields)

    def _data(self, context: Context, user: Principal | None, language: str) -> dict[str, Any]:
        is_known = user is not None and user.user_id is not None
        return {
            "base": context.base_path,
            "assets": f"{context.base_path}{assets().prefix}",
            "language": language,
            "problems": problem_texts(language),
            "has_accounts": self.has_accounts,
            "presets": self.presets,
            "uploads": self.uploads if user and Scope.UPLOAD in user.scopes else None,
            "user": {"id": str(user.user_id), "name": user.name, "is_admin": user.is_admin}
            if user is not None and is_known
            else None,
        }


def _prepare() -> None:
    assets()
    catalogues()
    for language in LANGUAGES:
        problem_texts(language)
    environment()


def _starting(texts: Texts, parts: tuple[str, ...]) -> Texts:
    return {key: text for key, text in texts.items() if key.partition(".")[0] in parts}


def _text_of(texts: Texts) -> Callable[..., str]:
    def text(key: str, **values: object) -> str:
        return texts[key].format(**values)

    return text

"""The recipes of docs/recipes.md that need other libraries: Uppy and FilePond in jsdom, Django."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from scripts.check_clients import Target, Workshop
from tests import recipes
from tests.accounts import printed_keys
from tests.http.asking import picture
from tests.server import Server

ORIGIN = "https://app.example.org"
WIDGETS = ("uppy", "filepond")
DJANGO = """
import sys, urllib.request
from pathlib import Path

import django

django.setup()
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage as storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, models

url, key, path = sys.argv[1:]
content = Path(path).read_bytes()


class Photo(models.Model):
    image = models.ImageField(upload_to="photos", width_field="width", height_field="height")
    width = models.IntegerField()
    height = models.IntegerField()

    class Meta:
        app_label = "album"


assert not storage.exists("photos/beach.jpg")
name = storage.save("photos/beach.jpg", ContentFile(content))
assert storage.exists(name) and storage.size(name) == len(content)
assert storage.get_created_time(name).tzinfo
with storage.open(name) as file:
    assert file.read() == content
with urllib.request.urlopen(storage.url(name) + "?w=40&format=auto") as shown:
    assert shown.status == 200
for _ in range(2):
    storage.delete(name)
assert not storage.exists(name)

with connection.schema_editor() as editor:
    editor.create_model(Photo)
sent = SimpleUploadedFile("beach.jpg", content, "image/jpeg")
photo = Photo.objects.get(pk=Photo.objects.create(image=sent).pk)
assert photo.image.size == len(content) and photo.width == photo.image.width > 0
assert storage.client.image(photo.image.name).filename == "beach.jpg"
photo.image.delete(save=False)

try:
    storage.save("note.jpg", ContentFile(b"text"))
except Exception as error:
    assert error.code == "unsupported_media_type", error
else:
    raise AssertionError("text was taken")
"""
SETTINGS = """
INSTALLED_APPS = ["django.contrib.staticfiles"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
"""


def carry_out(place: Path, workshop: Workshop) -> None:
    """Carry them out as they are written; the first that fails ends the check.

    Args:
        place: a folder for the server's data.
        workshop: where the programs are.
    """
    server = Server(
        place / "recipes", auth="required", rate_limits="off", log_level="warning",
        cors_origins=json.dumps([ORIGIN]),
    )  # fmt: skip
    server.settings["public_url"] = f"http://127.0.0.1:{server.port}"
    try:
        server.start()
        (key,) = printed_keys(server)
        sent = place / "photo.jpg"
        sent.write_bytes(picture(1))
        target = Target(server.settings["public_url"], key, sent)
        folder = workshop.folder / "recipes"
        for name, text in recipes.files().items():
            (folder / Path(name).name).write_text(recipes.filled(text, url=target.url, key=key))
        # Node reads `.js` as modules there, as bundlers do.
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        for widget in WIDGETS:
            workshop.run("node", f"recipes/{widget}.mjs", *target.arguments, ORIGIN)
        _use_django(workshop, folder, target)
    finally:
        server.close()


def _use_django(workshop: Workshop, folder: Path, target: Target) -> None:
    with (folder / "settings.py").open("a") as settings:
        settings.write(SETTINGS)
    program = folder / "django_flow.py"
    program.write_text(DJANGO)
    workshop.run(
        "env", "DJANGO_SETTINGS_MODULE=settings", sys.executable, program, *target.arguments
    )

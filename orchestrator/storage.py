"""What the browser is sent: the style sheet as one file, without comments and spare space."""

import re
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage

ENTRY = "css/app.css"
IMPORT = re.compile(r'@import url\("([\w-]+\.css)"\) layer\(([\w-]+)\)([^;]*);')
STRING = r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
COMMENT = re.compile(STRING + r"|/\*.*?\*/", re.DOTALL)
# A space before a colon means something (`a :hover`), one behind it does not.
SPACE = re.compile(STRING + r"|(?:\s*;)?\s*(\})\s*|\s*([{;,])\s*|(:)\s+|(\s)\s*")


class OneSheet(CompressedManifestStaticFilesStorage):
    """At `collectstatic`, puts the files that css/app.css imports into it.

    Imported, they would be asked for one after another, and each compressed alone.
    """

    def post_process(
        self, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        if ENTRY in paths and not dry_run:
            source, path = paths[ENTRY]
            sheet = smaller(bundled(source, path))
            self.delete(ENTRY)
            self._save(ENTRY, ContentFile(sheet.encode()))
            paths = {**paths, ENTRY: (self, ENTRY)}
        yield from super().post_process(paths, dry_run=dry_run, **options)


def bundled(source: Storage, path: str) -> str:
    """The sheet at `path`, with each `@import … layer(…) media` replaced by what it imports."""
    folder = path.rpartition("/")[0]

    def imported(found: re.Match[str]) -> str:
        name, layer, media = found[1], found[2], found[3].strip()
        inner = f"@layer {layer} {{ {_read(source, f'{folder}/{name}')} }}"
        return f"@media {media} {{ {inner} }}" if media else inner

    return IMPORT.sub(imported, _read(source, path))


def smaller(css: str) -> str:
    """The same sheet without comments, and with no more white space than it needs."""
    said = COMMENT.sub(lambda found: found[1] or "", css)
    # A string, a bracket, a colon stay; any other space is one blank.
    return SPACE.sub(lambda found: " " if found[5] else found[found.lastindex or 0], said).strip()


def _read(source: Storage, path: str) -> str:
    with source.open(path) as file:
        return str(file.read().decode())

"""What the browser is sent: one style sheet and one script, without comments and spare space."""

import re
from collections.abc import Iterator
from posixpath import dirname, join
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage

ENTRY = "css/app.css"
SCRIPT = "desk.js"
IMPORT = re.compile(r'@import url\("([\w-]+\.css)"\) layer\(([\w-]+)\)([^;]*);')
MODULE = re.compile(r'^import "\./([\w-]+\.js)";$', re.MULTILINE)
STRING = r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
COMMENT = re.compile(STRING + r"|/\*.*?\*/", re.DOTALL)
# A space before a colon means something (`a :hover`), one behind it does not.
SPACE = re.compile(STRING + r"|(?:\s*;)?\s*(\})\s*|\s*([{;,])\s*|(:)\s+|(\s)\s*")


class OneSheet(CompressedManifestStaticFilesStorage):
    """At `collectstatic`, puts the files that css/app.css and desk.js import into them.

    Imported, they would be asked for one after another, and each compressed alone.
    """

    def post_process(
        self, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        for name, bundle, less in ((ENTRY, bundled, smaller), (SCRIPT, joined, terser)):
            if name not in paths or dry_run:
                continue
            text = less(bundle(*paths[name]))
            self.delete(name)
            self._save(name, ContentFile(text.encode()))
            paths = {**paths, name: (self, name)}
        yield from super().post_process(paths, dry_run=dry_run, **options)


def bundled(source: Storage, path: str) -> str:
    """The sheet at `path`, with each `@import … layer(…) media` replaced by what it imports."""

    def imported(found: re.Match[str]) -> str:
        name, layer, media = found[1], found[2], found[3].strip()
        inner = f"@layer {layer} {{ {_read(source, join(dirname(path), name))} }}"
        return f"@media {media} {{ {inner} }}" if media else inner

    return IMPORT.sub(imported, _read(source, path))


def joined(source: Storage, path: str) -> str:
    """The script at `path`, with each `import` replaced by what it imports."""
    return MODULE.sub(
        lambda found: _read(source, join(dirname(path), found[1])), _read(source, path)
    )


def smaller(css: str) -> str:
    """The same sheet without comments, and with no more white space than it needs."""
    said = COMMENT.sub(lambda found: found[1] or "", css)
    # A string, a bracket, a colon stay; any other space is one blank.
    return SPACE.sub(lambda found: " " if found[5] else found[found.lastindex or 0], said).strip()


def terser(script: str) -> str:
    """The same script without remarks, spare space and long names within functions.

    As it is written on macOS, where the library that does it has no build for every machine.
    """
    try:
        import minify
    except ImportError:
        return script
    return str(minify.string("application/javascript", script))


def _read(source: Storage, path: str) -> str:
    with source.open(path) as file:
        return str(file.read().decode())

"""What the browser is sent: nothing from elsewhere, nothing inline, little, and readable."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import override_settings

from orchestrator.storage import ENTRY, SCRIPT, smaller
from tests.vendor import STATIC, local, sha256, vendored

TEMPLATES = sorted((STATIC.parent / "templates").rglob("*.html"))
SCRIPTS = [STATIC / "app.js", STATIC / "keys.js"]
CSS = sorted((STATIC / "css").glob("*.css"))
KB = 1000

COLOURS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);",
        (STATIC / "css" / "tokens.css").read_text(),
    )
}


NAME = re.compile(r"[.#\[]")  # of a class, of an element or of an attribute


def weight(*files: Path) -> int:
    """Bytes on the way to the browser, as if the files were one."""
    return len(gzip.compress(b"".join(file.read_bytes() for file in files), 9))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio: 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


class TestVendoredFiles:
    @pytest.mark.parametrize("entry", vendored(), ids=lambda entry: entry["file"])
    def test_are_what_their_authors_published(self, entry):
        assert sha256(local(entry).read_bytes()) == entry["sha256"]

    def test_are_all_listed(self):
        listed = {local(entry) for entry in vendored()} | {STATIC / "vendor" / "vendor.json"}
        found = {*(STATIC / "vendor").iterdir(), *(STATIC / "fonts").iterdir()}
        assert found <= listed

    def test_carry_their_licence(self):
        folders = {entry["name"]: Path(entry["file"]).parent for entry in vendored()}
        texts = {entry["name"] for entry in vendored() if "LICENSE" in entry["file"]}
        # htmx comes with the Python package that carries it, licence and all.
        assert texts == set(folders) - {"htmx.org"}


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> Path:
    """The sheet that pages link in production."""
    backend = {"BACKEND": "orchestrator.storage.OneSheet"}
    folder = tmp_path_factory.mktemp("static")
    storages = {**settings.STORAGES, "staticfiles": backend}
    with override_settings(STATIC_ROOT=folder, STORAGES=storages):
        call_command("collectstatic", verbosity=0, interactive=False)
        return folder / staticfiles_storage.stored_name(ENTRY)


@pytest.fixture(scope="module")
def own(collected) -> Path:
    """Our own script as it is sent."""
    folder = collected.parents[1]
    return folder / json.loads((folder / "staticfiles.json").read_text())["paths"][SCRIPT]


class TestCollectedScript:
    def test_holds_every_script_of_ours(self, own):
        assert sorted([*SCRIPTS, STATIC / SCRIPT]) == sorted(STATIC.glob("*.js"))
        sent = own.read_text()
        assert "import" not in sent
        for script in SCRIPTS:
            events = set(re.findall(r'"((?:htmx|inbox|palette):\w+)"', script.read_text()))
            assert events
            assert all(each in sent for each in events)

    def test_holds_no_remarks(self, own):
        assert "// " not in own.read_text()


class TestCollectedSheet:
    def test_is_one_file(self, collected):
        assert "@import" not in collected.read_text()

    def test_has_the_same_text_under_the_name_that_static_error_pages_link(self, collected):
        plain = (collected.parent / "app.css").read_text()
        assert re.sub(r"\.[0-9a-f]{12}\.woff2", ".woff2", collected.read_text()) == plain

    def test_is_compressed_beforehand(self, collected):
        assert collected.with_name(collected.name + ".gz").is_file()

    def test_leads_to_fonts_that_are_there(self, collected):
        for address in re.findall(r'url\("([^"]+)"\)', collected.read_text()):
            assert (collected.parent / address).is_file(), address

    @pytest.mark.parametrize(
        ("css", "less"),
        [
            ("a :hover , b {\n  color : red;\n}\n", "a :hover,b{color :red}"),
            ("a { /* it's ; { } */ margin: 0 auto; }", "a{margin:0 auto}"),
            ('a::after { content: "  /* ; */ } "; }', 'a::after{content:"  /* ; */ } "}'),
            ("a { width: calc(1px + 2px) }", "a{width:calc(1px + 2px)}"),
            (
                "@media (width < 62rem) {\n a > b { --x: 1; }\n}",
                "@media (width < 62rem){a > b{--x:1}}",
            ),
        ],
    )
    def test_lacks_only_what_says_nothing(self, css, less):
        assert smaller(css) == less


class TestWeight:
    VENDORED = [local(entry) for entry in vendored() if entry["file"].endswith(".js")]

    def test_styles(self, collected):
        assert weight(collected) <= 10 * KB

    def test_own_script(self, own):
        assert weight(own) <= 7 * KB

    def test_scripts_and_styles_together(self, collected, own):
        assert sum(map(weight, (*self.VENDORED, own, collected))) <= 36 * KB

    def test_fonts_of_a_latin_page(self):
        fonts = (STATIC / "fonts").glob("*-latin-wght-normal.woff2")
        assert 0 < sum(font.stat().st_size for font in fonts) <= 55 * KB


class TestStyles:
    def test_every_part_is_imported_once(self):
        entry = (STATIC / "css" / "app.css").read_text()
        parts = re.findall(r'@import url\("([\w-]+\.css)"\)', entry)
        assert sorted([*parts, "app.css"]) == [part.name for part in CSS]

    @pytest.mark.parametrize("part", CSS, ids=lambda part: part.name)
    def test_every_address_leads_to_a_file(self, part):
        for address in re.findall(r'url\("([^"]+)"\)', part.read_text()):
            assert (part.parent / address).is_file(), address

    def test_no_class_means_two_things(self):
        # In one layer a rule of one part would bend what another part draws.
        entry, found = (STATIC / "css" / "app.css").read_text(), Counter()
        for part, layer in re.findall(r'@import url\("([\w-]+\.css)"\) layer\((\w+)\)', entry):
            sheet = (STATIC / "css" / part).read_text()
            found.update((layer, name) for name in set(re.findall(r"^\.([\w-]+) \{", sheet, re.M)))
        assert [each for each, parts in found.items() if parts > 1] == []

    @pytest.mark.parametrize("part", CSS, ids=lambda part: part.name)
    def test_what_stands_beside_something_is_found_by_name(self, part):
        # After a mere tag, whatever follows on the page is restyled with each part that is drawn.
        sheet = re.sub(r"/\*.*?\*/", "", part.read_text(), flags=re.S)
        for selectors in re.findall(r"([^{};]+)\{", sheet):
            for before in re.findall(r"((?:\([^()]*\)|[^\s()])+) [+~] (?!\d)", selectors):
                head, _, several = re.sub(r":not\([^()]*\)", "", before).partition(":is(")
                named = NAME.search(head) or all(map(NAME.search, several.split(",")))
                assert named, selectors

    @pytest.mark.parametrize("part", CSS, ids=lambda part: part.name)
    def test_every_variable_exists(self, part):
        written = "".join(each.read_text() for each in CSS)
        for name in re.findall(r"var\((--[\w-]+)", part.read_text()):
            assert f"{name}:" in written


@pytest.mark.parametrize("theme", ["light", "dark"])
class TestContrast:
    GROUNDS = ("ground", "surface", "sunken")

    @pytest.mark.parametrize(
        ("text", "tints"),
        [
            ("ink", ("accent-bg", "ok-bg", "no-bg", "warn-bg")),
            ("muted", ("accent-bg", "ok-bg", "warn-bg")),
            ("accent", ("accent-bg",)),
            ("ok", ("ok-bg",)),
            ("no", ("no-bg",)),
            ("warn", ("warn-bg",)),
        ],
    )
    def test_text_can_be_read(self, theme, text, tints):
        for ground in self.GROUNDS + tints:
            assert contrast(COLOURS[text][theme], COLOURS[ground][theme]) >= 4.5, ground

    @pytest.mark.parametrize("ground", ["accent", "ok", "no"])
    def test_text_on_a_solid_button_can_be_read(self, theme, ground):
        assert contrast(COLOURS["on-accent"][theme], COLOURS[ground][theme]) >= 4.5

    @pytest.mark.parametrize("line", ["edge", "focus"])
    def test_borders_and_focus_can_be_seen(self, theme, line):
        for ground in (*self.GROUNDS, "accent-bg"):
            assert contrast(COLOURS[line][theme], COLOURS[ground][theme]) >= 3, ground


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
class TestTemplates:
    def test_load_nothing_from_elsewhere(self, template):
        tags = re.findall(r"<(?:script|link|img|source|iframe)\b[^>]*>", template.read_text())
        assert not [tag for tag in tags if re.search(r"""(?:src|href)\s*=\s*["']?\w*:?//""", tag)]

    def test_keep_to_the_content_security_policy(self, template):
        html = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", template.read_text())
        assert not re.search(r"\sstyle\s*=", html), "style attribute"
        assert not re.search(r"<style\b", html), "inline style"
        assert not re.search(r"<script\b(?![^>]*\bsrc=)", html), "inline script"
        assert not re.search(r"\son\w+\s*=", html), "event attribute"
        assert not re.search(r"\bhx-on\b|=['\"]js:|javascript:", html), "script in an attribute"

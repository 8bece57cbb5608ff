"""What the documentation says is there, and what is there is in the documentation."""

import ast
import re
from dataclasses import fields

import pytest
from django.conf import settings
from django.core.management import get_commands

from approvals import urls
from orchestrator import contract, embedded

ROOT = settings.BASE_DIR
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ALL_PAGES = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
TEXT = "\n".join(page.read_text() for page in PAGES)
APPS = [ROOT / "orchestrator", ROOT / "approvals"]
FROM_THE_SYSTEM = {"PATH"}


def name_of(page) -> str:
    return str(page.relative_to(ROOT))


def code(*folders):
    """The product's own Python files."""
    return [file for folder in folders for file in sorted(folder.rglob("*.py"))]


def commands() -> list[str]:
    files = [file for app in APPS for file in (app / "management" / "commands").glob("[!_]*.py")]
    return sorted(file.stem for file in files)


def variables() -> list[str]:
    """Every environment variable that the code reads."""
    call = re.compile(
        r"""(?:env\.\w+\(|environ\.get\(|environ\[|getenv\()\s*["']([A-Z][A-Z0-9_]+)["']"""
    )
    files = [*code(*APPS, ROOT / "examples"), ROOT / "gunicorn.conf.py", ROOT / "manage.py"]
    found = {name for file in files for name in call.findall(file.read_text())}
    return sorted(found - FROM_THE_SYSTEM)


def targets() -> list[str]:
    return re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.M)


def addresses() -> list[str]:
    """The desk's addresses, as the documentation writes them: `/approvals/<uuid>/`."""
    routes = [str(each.pattern) for each in urls.urlpatterns]
    named = (re.sub(r"<uuid:\w+>", "<uuid>", route) for route in routes)
    return ["/" + re.sub(r"<\w+:(\w+)>", r"<\1>", route) for route in named]


class TestWhatIsThereIsDescribed:
    @pytest.mark.parametrize("name", commands())
    def test_command(self, name):
        assert re.search(rf"^\| `{name}[` ]", TEXT, re.M), f"docs/operating.md lacks {name}"

    @pytest.mark.parametrize("name", variables())
    def test_environment_variable(self, name):
        assert re.search(rf"^\|.*`{name}`.*\|", TEXT, re.M), f"docs/operating.md lacks {name}"

    @pytest.mark.parametrize("name", targets())
    def test_make_target(self, name):
        assert re.search(rf"\bmake {name}\b(?!-)", TEXT), f"README.md lacks make {name}"

    @pytest.mark.parametrize("address", addresses())
    def test_address(self, address):
        assert f"`{address}`" in TEXT, f"docs/operating.md lacks {address}"

    @pytest.mark.parametrize("page", ["README.md", "docs/integrating.md"])
    @pytest.mark.parametrize("name", [each.name for each in fields(contract.Request)])
    def test_field_of_a_request(self, page, name):
        assert f"| `{name}` |" in (ROOT / page).read_text()

    @pytest.mark.parametrize("name", [each.name for each in fields(contract.Outcome)])
    def test_field_of_an_outcome(self, name):
        assert f'"{name}":' in (ROOT / "docs/integrating.md").read_text()

    @pytest.mark.parametrize("page", [each for each in PAGES[1:] if each.name != "README.md"])
    def test_every_page_is_in_the_index(self, page):
        assert f"({page.name})" in (ROOT / "docs/README.md").read_text()


class TestWhatIsDescribedIsThere:
    @pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)
    def test_commands(self, page):
        named = set(re.findall(r"manage\.py ([a-z][a-z_]+)\b", page.read_text()))
        assert named <= {*get_commands(), "help"}

    @pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)
    def test_make_targets(self, page):
        named = set(re.findall(r"(?:`|^|\$ |[0-9] )make ([a-z][a-z-]+)", page.read_text(), re.M))
        assert named <= set(targets())

    @pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)
    def test_links_and_pictures(self, page):
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, part = target.partition("#")
            file = (page.parent / path) if path else page
            assert file.exists(), f"{page.name} leads to {target}, which is not there"
            assert not part or part in anchors(file), f"{target} has no such heading"

    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_tests(self, page):
        for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)", page.read_text()):
            defined = rf"^\s*(?:class|def) {name}\b"
            assert re.search(defined, (ROOT / file).read_text(), re.M), f"{file} has no {name}"

    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_every_picture_says_what_it_shows(self, page):
        assert "![](" not in page.read_text()

    def test_fields_of_a_request(self):
        rows = (ROOT / "docs/integrating.md").read_text().partition("## The request")[2]
        table = rows.partition("\n\n**")[0]
        named = re.findall(r"^\| `(\w+)` \|", table, re.M)
        assert sorted(named) == sorted(each.name for each in fields(contract.Request))

    def test_limits(self):
        text = (ROOT / "docs/integrating.md").read_text()
        assert f"{contract.TITLE_LENGTH} characters" in text
        assert f"{contract.DETAILS_LENGTH:,} characters" in text
        assert f"{contract.PAYLOAD_BYTES // 1024} KiB, {contract.DEPTH} levels" in text
        assert f"{contract.LONGEST_WAIT:,}" in text

    def test_ports(self):
        assert f"127.0.0.1:{embedded.PORT}" in TEXT
        assert str(embedded.UI_PORT) in TEXT


def anchors(page) -> set[str]:
    """The headings of a page as GitHub names them in addresses."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


class TestCode:
    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_python_compiles(self, page):
        for block in re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.M | re.S):
            ast.parse(block)

    @pytest.mark.parametrize("file", code(ROOT / "examples"), ids=name_of)
    def test_examples_compile(self, file):
        ast.parse(file.read_text())

    def test_the_readme_shows_the_example_as_it_is(self):
        example = (ROOT / "examples/first_workflow.py").read_text()
        assert f"```python\n{example}```\n" in (ROOT / "README.md").read_text()

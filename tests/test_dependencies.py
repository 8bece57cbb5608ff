"""Each direct dependency is pinned with hashes, and its reason is written down."""

import re

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR


def names(file: str) -> list[str]:
    lines = (ROOT / file).read_text().splitlines()
    return [re.split(r"[\[~=<>;]", line)[0] for line in lines if line and line[0] not in "-#"]


@pytest.mark.parametrize("kind", ["requirements", "requirements-dev"])
def test_every_direct_dependency_is_pinned_with_hashes(kind):
    pinned = (ROOT / f"{kind}.txt").read_text()
    for name in names(f"{kind}.in"):
        # pip-compile leaves out the extras, and writes names in lower case.
        found = re.search(rf"^{name.lower()}==\S+( ; .+)? \\\n +--hash=sha256:", pinned, re.M)
        assert found, f"{name} is not pinned: run make lock"


@pytest.mark.parametrize("kind", ["requirements", "requirements-dev"])
def test_every_direct_dependency_has_its_reason(kind):
    reasons = (ROOT / "docs" / "dependencies.md").read_text()
    for name in names(f"{kind}.in"):
        assert f"| {name} |" in reasons, f"docs/dependencies.md does not say why {name} is here"


@pytest.mark.parametrize("kind", ["requirements", "requirements-dev"])
def test_pins_name_no_index_and_no_folder(kind):
    text = (ROOT / f"{kind}.txt").read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text

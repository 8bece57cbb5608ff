"""Fetch the files that others wrote, as vendor.json names them: `python -m tests.vendor`.

To move to another version, change it in static/vendor/vendor.json and run this with `--update`,
which writes the new checksums; without it a file that differs from its checksum is an error.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "static"
LIST = STATIC / "vendor" / "vendor.json"


def vendored() -> list[dict[str, str]]:
    """One entry a file: name, version, licence, file, sha256, and `of`, its path in the package.

    An entry with `package` instead is served from that installed Python package.
    """
    return json.loads(LIST.read_text())


def local(entry: dict[str, str]) -> Path:
    """Where the file of this entry lies on this machine."""
    if "package" not in entry:
        return STATIC / entry["file"]
    spec = find_spec(entry["package"])
    assert spec is not None, f"{entry['package']} is not installed"
    assert spec.origin is not None
    return Path(spec.origin).parent / "static" / entry["file"]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fetch(entry: dict[str, str]) -> bytes:
    """The bytes of one file, out of the npm package that holds it."""
    command = ["npm", "pack", "--json", f"{entry['name']}@{entry['version']}"]
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(command, cwd=folder, check=True, capture_output=True)
        with tarfile.open(Path(folder, json.loads(packed.stdout)[0]["filename"])) as archive:
            member = archive.extractfile(f"package/{entry['of']}")
            assert member is not None
            return member.read()


def main() -> None:
    entries = vendored()
    update = "--update" in sys.argv
    for entry in entries:
        data = local(entry).read_bytes() if "package" in entry else fetch(entry)
        if sha256(data) != entry["sha256"] and not update:
            sys.exit(f"{entry['file']} of {entry['name']} {entry['version']} has another checksum")
        entry["sha256"] = sha256(data)
        if "package" not in entry:
            local(entry).write_bytes(data)
    LIST.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

"""Every error code of the source can be explained to a person, in both languages."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse.federation.error_catalogue import CATALOGUE
from lpse.federation.error_catalogue.entry import Told

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r'"(FED-[0-9]{4})"')
FOLDERS = ("central", "regional_node", "proto/lpse")


def sources() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "error_catalogue" not in path.parts and not path.name.endswith("_pb2.py"):
                yield path


def test_every_code_of_the_source_is_explained() -> None:
    """A code that is raised anywhere has its entry; the message lists those that have none."""
    missing: dict[str, str] = {}
    for path in sources():
        for code in CODE.findall(path.read_text("utf-8")):
            if code not in CATALOGUE:
                missing.setdefault(code, path.relative_to(ROOT).as_posix())
    listed = "\n".join(
        f"  {code}  first seen in {where}" for code, where in sorted(missing.items())
    )
    assert not missing, (
        f"{len(missing)} codes have no entry in proto/lpse/federation/error_catalogue/:\n{listed}"
    )


def test_every_explained_code_is_raised_somewhere() -> None:
    """The catalogue explains nothing that no program says."""
    raised = {code for path in sources() for code in CODE.findall(path.read_text("utf-8"))}
    assert not sorted(CATALOGUE.keys() - raised)


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_entry_says_what_means_and_what_to_do(code: str) -> None:
    """Title, meaning and remedy exist in both languages, and the languages differ."""
    entry = CATALOGUE[code]
    for told in (entry.english, entry.indonesian):
        assert isinstance(told, Told)
        assert all(part.strip() == part and part for part in told)
        assert not any(part.endswith(".") for part in told), "sentences are joined by dashes"
    assert entry.english != entry.indonesian


def test_no_code_is_listed_twice() -> None:
    """Two files of the catalogue never explain the same code."""
    folder = ROOT / "proto/lpse/federation/error_catalogue"
    seen: dict[str, str] = {}
    for path in sorted(folder.glob("*.py")):
        for code in re.findall(r'^    "(FED-[0-9]{4})": ', path.read_text("utf-8"), re.MULTILINE):
            assert code not in seen, f"{code} in {path.name} and {seen[code]}"
            seen[code] = path.name
    assert set(seen) == set(CATALOGUE)


@pytest.mark.parametrize(
    ("lang", "word"), [("id_ID.UTF-8", "Yang perlu dilakukan"), ("en_US.UTF-8", "What to do")]
)
def test_explain_speaks_the_persons_language(lang: str, word: str) -> None:
    """`lpse-node explain` follows LANG, and takes the code with or without its letters."""
    program = Path(sys.executable).parent / "lpse-node"
    ran = subprocess.run(
        [str(program), "explain", "8011"],
        env={"LANG": lang, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert word in ran.stdout and "FED-8011" in ran.stdout

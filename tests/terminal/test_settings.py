"""Promises about configuration: order, origin, and mistakes that are told with a suggestion."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import central.config
import regional_node.config
from lpse.federation.errors import Refused
from lpse.terminal.settings import Loaded, Settings, commented, load
from regional_node.config import NodeSettings

SIDES: list[tuple[type[Settings], str]] = [
    (central.config.CentralSettings, "lkpp-central"),
    (regional_node.config.NodeSettings, "lpse-node"),
]


def read(folder: Path, environment: dict[str, str] | None = None, **flags: Any) -> Any:
    file = folder / "node.toml"
    return load(NodeSettings, file=file, environment=environment or {}, flags=flags)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def origin(loaded: Loaded[NodeSettings], key: str) -> str:
    return next(str(row["origin"]) for row in loaded.rows() if row["key"] == key)


def test_flag_beats_environment_beats_conf_d_beats_file_beats_default(tmp_path: Path) -> None:
    """Each layer hides the ones below it, key by key, and `origin` names the layer that won."""
    seen = [read(tmp_path)]
    write(tmp_path / "node.toml", '[link]\nendpoint = "file:1"\n[log]\nlevel = "DEBUG"\n')
    seen.append(read(tmp_path))
    write(tmp_path / "conf.d/20-b.toml", '[link]\nendpoint = "conf:2"\n')
    write(tmp_path / "conf.d/10-a.toml", '[link]\nendpoint = "conf:1"\n')
    seen.append(read(tmp_path))
    environment = {"LPSE_NODE__LINK__ENDPOINT": "env:1", "LPSE_NODE_CONFIG": "x", "HOME": "/"}
    seen.append(read(tmp_path, environment))
    seen.append(load(
        NodeSettings,
        file=tmp_path / "node.toml",
        environment=environment,
        flags={"link.endpoint": "flag:1", "data": None},
    ))  # fmt: skip
    assert [one.settings.link.endpoint for one in seen] == [
        "", "file:1", "conf:2", "env:1", "flag:1",
    ]  # fmt: skip
    assert [origin(one, "link.endpoint") for one in seen] == [
        "default", str(tmp_path / "node.toml"), str(tmp_path / "conf.d/20-b.toml"),
        "environment", "flag",
    ]  # fmt: skip
    assert seen[-1].settings.log.level == "DEBUG"


@pytest.mark.parametrize(
    ("text", "near"),
    [('[link]\nendpont = "x"\n', "link.endpoint"), ('enviroment = "x"\n', "environment")],
)
def test_unknown_key_is_an_error_with_a_suggestion(tmp_path: Path, text: str, near: str) -> None:
    """A mistyped key is refused, whichever layer it stands in, and the right one is named."""
    write(tmp_path / "node.toml", text)
    with pytest.raises(Refused) as told:
        read(tmp_path)
    assert told.value.code == "FED-8002" and near in told.value.remedy
    with pytest.raises(Refused) as told:
        read(tmp_path / "none", {"LPSE_NODE__LINK__ENDPONT": "x"})
    assert told.value.code == "FED-8002" and "link.endpoint" in told.value.remedy


@pytest.mark.parametrize(
    ("text", "environment", "code"),
    [
        ("[service]\nport = 70000\n", {}, "FED-8003"),
        ('[service]\nport = "many"\n', {}, "FED-8003"),
        ("link = 3\n", {}, "FED-8003"),
        ("", {"LPSE_NODE__SERVICE__PORT": "x"}, "FED-8003"),
        ("", {"LPSE_NODE__LINK": "x"}, "FED-8003"),
        ('environment = "test"\n', {}, "FED-8003"),
        ("[link\n", {}, "FED-8001"),
        ("\udcff", {}, "FED-8001"),
    ],
)
def test_wrong_value_is_told_with_its_place(
    tmp_path: Path, text: str, environment: dict[str, str], code: str
) -> None:
    """A value of the wrong kind or out of bounds, and a file that is no TOML, are refused."""
    (tmp_path / "node.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Refused) as told:
        read(tmp_path, environment)
    assert told.value.code == code
    assert str(tmp_path) in told.value.message or "environment" in told.value.message


def test_empty_table_hides_nothing(tmp_path: Path) -> None:
    """A table without keys in a later layer leaves the values of earlier ones."""
    write(tmp_path / "node.toml", '[link]\nendpoint = "file:1"\n')
    write(tmp_path / "conf.d/a.toml", "[link]\n")
    assert read(tmp_path).settings.link.endpoint == "file:1"


@pytest.mark.parametrize(("model", "program"), SIDES)
def test_commented_file_says_every_key_and_changes_none(
    tmp_path: Path, model: Any, program: str
) -> None:
    """The file that `init` writes is TOML, names every key, and means the defaults."""
    text = commented(model, {})
    assert not any(isinstance(value, str) for value in tomllib.loads(text).values())
    file = tmp_path / "x.toml"
    file.write_text(re.sub(r"(?m)^# (\w+ = )", r"\1", text), "utf-8")
    loaded = load(model, file=file)
    assert loaded.settings == load(model, file=None).settings
    assert {row["origin"] for row in loaded.rows()} == {str(file)}


@pytest.mark.parametrize(("model", "program"), SIDES)
def test_config_show_origin_prints_every_key(tmp_path: Path, model: Any, program: str) -> None:
    """`config show --origin -o json` lists each key with its value and the layer it comes from."""
    prefix = model.model_config["env_prefix"]
    command = [str(Path(sys.executable).parent / program)]
    ran = subprocess.run(
        [*command, "--data", str(tmp_path), "config", "show", "--origin", "-o", "json"],
        env={**os.environ, f"{prefix}LOG__LEVEL": "DEBUG"},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = {row["key"]: row for row in json.loads(ran.stdout)}
    assert rows["data"] == {"key": "data", "value": str(tmp_path), "origin": "flag"}
    assert rows["log.level"]["origin"] == "environment"
    assert rows["environment"] == {
        "key": "environment", "value": "production", "origin": "default",
    }  # fmt: skip

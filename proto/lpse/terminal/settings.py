"""Configuration: flag > environment > conf.d > file > default, and where each value came from.

Owns the layers and their order, unknown keys (an error with a suggestion) and `origin`. Rules:
configuration is read once, at the root; secrets never stand in it, only paths of files. Leaves out
which keys exist: each side's `config.py`.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from lpse.federation.errors import Refused


class Section(BaseModel):
    """A table of the configuration file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Settings(BaseSettings):
    """The whole configuration of a side; built by `load` only, from layers put together there."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, validate_default=True, env_nested_delimiter="__"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the hook's own signature
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """The settings, and for every dotted key the place that set it ("default" where none did)."""

    settings: S
    origins: dict[str, str]

    def rows(self) -> list[dict[str, Any]]:
        """One row per key: `key`, `value`, `origin`."""
        values = dict(_leaves(self.settings.model_dump(mode="json")))
        return [
            {"key": key, "value": value, "origin": self.origins.get(key, "default")}
            for key, value in values.items()
        ]


def load(
    model: type[S],
    *,
    file: Path | None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Loaded[S]:
    """Read every layer; Refused FED-8001 (unreadable), FED-8002 (unknown key), FED-8003 (value).

    `flags` are dotted keys; a flag that was not given is None. `conf.d/*.toml` beside the file
    comes after it in the order of names.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in _layers(model, file, environment or {}, flags or {}):
        _check_keys(model, layer, origin)
        for key, value in _leaves(layer):
            if value != {}:  # an empty table says nothing and must not hide an earlier layer
                _put(merged, key, value)
                origins[key] = origin
    try:
        return Loaded(model(**merged), origins)
    except ValidationError as error:
        raise _wrong_value(error, origins) from error


def _layers(
    model: type[S], file: Path | None, environment: Mapping[str, str], flags: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in _files(file):
        yield str(path), _toml(path)
    yield "environment", _environment(model, environment)
    given: dict[str, Any] = {}
    for key, value in flags.items():
        if value is not None:
            _put(given, key, value)
    yield "flag", given


def _files(file: Path | None) -> list[Path]:
    if file is None:
        return []
    own = [file] if file.exists() else []
    return own + sorted((file.parent / "conf.d").glob("*.toml"))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused("FED-8001", f"{path} cannot be read: {error}") from error


def _environment(model: type[S], environment: Mapping[str, str]) -> dict[str, Any]:
    prefix = str(model.model_config["env_prefix"])
    known: dict[str, Any] = {}
    for name in sorted(environment):
        if name.startswith(prefix):
            _put(known, name.removeprefix(prefix).lower().replace("__", "."), environment[name])
    _check_keys(model, known, "environment")
    source = EnvSettingsSource(model, case_sensitive=False)
    # Only our own variables: an empty file answers the rest of the process's environment.
    source.env_vars = {
        name.lower(): value for name, value in environment.items() if name.startswith(prefix)
    }
    try:
        return source()
    except SettingsError as error:
        raise Refused("FED-8003", f"environment: {error}") from error


def _check_keys(model: type[BaseModel], layer: Mapping[str, Any], origin: str) -> None:
    known = set(_keys(model))
    for key, _ in _leaves(layer):
        if not any(_covers(name, key) or _covers(key, name) for name in known):
            near = difflib.get_close_matches(key, known, n=1)
            remedy = f"did you mean {near[0]}?" if near else "see `config show` for the keys"
            raise Refused("FED-8002", f"{origin}: unknown key {key}", remedy=remedy)


def _covers(outer: str, inner: str) -> bool:
    """A table covers the keys below it; a wrong value in it is found by its type, not here."""
    return inner == outer or inner.startswith(f"{outer}.")


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _keys(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _put(target: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for part in path:
        inner = target.setdefault(part, {})
        if not isinstance(inner, dict):
            inner = target[part] = {}
        target = inner
    target[last] = value


def _wrong_value(error: ValidationError, origins: Mapping[str, str]) -> Refused:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    origin = origins.get(key, "default")
    return Refused("FED-8003", f"{origin}: {key}: {first['msg']}")


def commented(model: type[BaseModel], values: Mapping[str, Any]) -> str:
    """A TOML file with every key: those in `values` (dotted) set, the others as comments."""
    plain_lines, tables = _described(model, "", values)
    return "\n".join([*plain_lines, *tables]) + "\n"


def _described(
    model: type[BaseModel], prefix: str, values: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    lines: list[str] = []
    tables: list[str] = []
    for name, field in model.model_fields.items():
        kind, key = field.annotation, f"{prefix}{name}"
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            inner, deeper = _described(kind, f"{key}.", values)
            tables += ["", f"[{key}]", *inner, *deeper]
            continue
        if field.description:
            lines.append(f"# {field.description}")
        mark = "" if key in values else "# "
        lines.append(f"{mark}{name} = {_toml_value(values.get(key, field.default))}")
    return lines, tables


def _toml_value(value: Any) -> str:
    if value is None:
        return '""'  # TOML has no null; keys that may be absent read an empty text so
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return json.dumps(str(value), ensure_ascii=False)  # a JSON string is a TOML string


def configuration_file(environment: Mapping[str, str], variable: str, folders: list[Path]) -> Path:
    """The first existing of the variable's path and `folders`; the last one where none exists."""
    if named := environment.get(variable):
        return Path(named)
    return next((path for path in folders if path.exists()), folders[-1])


def process_environment() -> Mapping[str, str]:
    """The process's environment, read here and nowhere else for settings."""
    return dict(os.environ)

"""The file's shape as data: a JSON schema for editors, and a flat list of every key with its words and bounds.

Everything that describes the configuration (sample, ``config explain``, reference page, the names suggested for a
misspelt key) is made of this one list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from bidder.settings.document import Path_
from bidder.settings.model import File, PolicySection

Schema = Mapping[str, object]

_FREE = "table of names, each "
"""How a table is described whose keys are the user's own."""

_MONEY = {"type": "string", "pattern": r"^\d{1,12}(\.\d{1,6})?$", "description": "An amount of units, quoted."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key of the file.

    Attributes:
        path: Where it stands; ``*`` is a name of your own.
        words: What it means.
        kind: What may be written, for people.
        table: It holds further keys.
        required: It has no default.
        default: Its default as JSON; ``None`` where absent means absent.
    """

    path: Path_
    words: str
    kind: str
    table: bool
    required: bool
    default: object


@cache
def json_schema() -> Schema:
    """Return the JSON schema of the file (draft 2020-12), for editors that complete and check TOML."""
    schema = File.model_json_schema()
    schema["$defs"]["Money"] = dict(_MONEY)
    schema = _without_titles(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "bidder configuration", **schema}


@cache
def entries() -> tuple[Entry, ...]:
    """Return every key, tables before their keys, in the order of declaration."""
    schema = json_schema()
    return tuple(_walk(schema, schema, (), {"policy": PolicySection().model_dump(mode="json")}))


@cache
def known() -> Mapping[Path_, tuple[str, ...]]:
    """Return the names that may stand in each table; free names are written ``*``."""
    names: dict[Path_, list[str]] = {}
    for entry in entries():
        names.setdefault(entry.path[:-1], []).append(str(entry.path[-1]))
    return {table: tuple(found) for table, found in names.items() if found != ["*"]}


def names_in(table: Path_) -> tuple[str, ...]:
    """Return the names that may stand in a concrete table; none where it is unknown."""
    for pattern, names in known().items():
        if len(pattern) == len(table) and all(p in ("*", t) for p, t in zip(pattern, table, strict=True)):
            return names
    return ()


def find(path: Path_) -> Entry | None:
    """Return the entry of a concrete key, free names matched, or ``None``."""
    for entry in entries():
        if len(entry.path) == len(path) and all(e in ("*", p) for e, p in zip(entry.path, path, strict=True)):
            return entry
    table = find(path[:-1]) if path else None
    if table is not None and table.kind.startswith(_FREE):
        kind = table.kind.removeprefix(_FREE)
        return Entry(path=path, words=table.words, kind=kind, table=False, required=False, default=None)
    return None


def _walk(root: Schema, node: Schema, path: Path_, defaults: Mapping[str, object]) -> Iterator[Entry]:
    required = _strings(node.get("required"))
    for name, raw in _mapping(node.get("properties")).items():
        here = _resolved(root, raw)
        default = defaults.get(name, _mapping(raw).get("default"))
        yield _entry(root, (*path, name), raw, required=name in required, default=default)
        yield from _inside(root, here, (*path, name), default)


def _inside(root: Schema, node: Schema, path: Path_, default: object) -> Iterator[Entry]:
    """Yield what stands below a key: keys of a table, of each named table, or of each element of a list."""
    if "properties" in node:
        yield from _walk(root, node, path, _mapping(default))
    for keyword in ("additionalProperties", "items"):
        element = node.get(keyword)
        if not isinstance(element, Mapping):
            continue
        inner = _resolved(root, element)
        if "properties" in inner:
            if keyword == "additionalProperties":
                yield _entry(root, (*path, "*"), element, required=False, default=None)
            yield from _walk(root, inner, (*path, "*"), {})


def _entry(root: Schema, path: Path_, raw: object, *, required: bool, default: object) -> Entry:
    node, own = _resolved(root, raw), _mapping(raw)
    words = own.get("description") or node.get("description") or ""
    return Entry(
        path=path,
        words=" ".join(str(words).split()),
        kind=_kind(root, node),
        table="properties" in node or path[-1] == "*",
        required=required,
        default=default,
    )


def _kind(root: Schema, node: Schema) -> str:
    """Say what may be written under a key."""
    if "enum" in node:
        return " or ".join(f'"{value}"' for value in _list(node["enum"]))
    if "const" in node:
        return str(node["const"]).lower()
    if "anyOf" in node:
        return " or ".join(_kind(root, _resolved(root, option)) for option in _list(node["anyOf"]))
    match node.get("type"):
        case "array":
            element = _resolved(root, node.get("items"))
            return "list of tables" if "properties" in element else f"list of {_kind(root, element)}"
        case "object":
            element = _resolved(root, node.get("additionalProperties"))
            return f"{_FREE}{_kind(root, element)}" if element and "properties" not in node else "table"
        case kind:
            return _scalar(str(kind), node)


def _scalar(kind: str, node: Schema) -> str:
    if kind == "string" and (node.get("examples") or "pattern" in node):
        return 'amount, quoted: "1500.00"'
    if node.get("format") == "date":
        return "date: 2026-11-11"
    words = {"number": "number", "integer": "whole number", "string": "text", "boolean": "true or false"}
    return f"{words.get(kind, 'any value')}{_bounds(node)}"


def _bounds(node: Schema) -> str:
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{text} {node[name]}" for name, text in words.items() if name in node]
    return f", {', '.join(bounds)}" if bounds else ""


def _resolved(root: Schema, raw: object) -> Schema:
    """Follow a reference, and look through ``X or nothing``: absence has no word in TOML."""
    node = _mapping(raw)
    reference = node.get("$ref")
    if isinstance(reference, str):
        return _resolved(root, _mapping(root["$defs"])[reference.rsplit("/", 1)[-1]])
    options = [option for option in _list(node.get("anyOf")) if _mapping(option).get("type") != "null"]
    return _resolved(root, options[0]) if len(options) == 1 else node


def _without_titles(node: object) -> dict[str, object]:
    cleaned = _cleaned(node)
    return cleaned if isinstance(cleaned, dict) else {}


def _cleaned(node: object) -> object:
    if isinstance(node, Mapping):
        return {k: _cleaned(v) for k, v in node.items() if not (k == "title" and isinstance(v, str))}
    return [_cleaned(item) for item in node] if isinstance(node, list) else node


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _strings(value: object) -> frozenset[str]:
    return frozenset(str(item) for item in _list(value))

"""The TypeScript that is written for task types, and that TypeScript's own compiler accepts it."""

import json
import subprocess
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, create_model

from herald.shared.cli.typescript import typescript

ROOT = Path(__file__).resolve().parents[4]


class Tone(Enum):
    FORMAL = "formal"
    WARM = "warm"


class Quote(BaseModel):
    """Words of a person."""

    text: str
    by: str | None = None


class News(BaseModel):
    company: str = Field(description="As the reader */ knows it.")
    headline: str
    tone: Tone = Tone.WARM
    quotes: list[Quote] = []
    embargo: datetime | None = None


class Release(BaseModel):
    paragraphs: list[str]
    quote: Quote


def listed(name: str, payload: Any, result: Any, **more: Any) -> dict[str, Any]:
    """A task type as the server lists it."""
    return {
        "type": name,
        "payloadSchema": TypeAdapter(payload).json_schema(mode="validation"),
        "resultSchema": TypeAdapter(result).json_schema(mode="serialization"),
        **more,
    }


def expression(annotation: Any) -> str:
    """The TypeScript of a payload's only field."""
    payload = create_model("Payload", field=(annotation, ...))
    lines = typescript([listed("T", payload, str)]).splitlines()
    return next(line.strip() for line in lines if line.strip().startswith("field: ")).removeprefix("field: ")


def test_a_module_maps_each_task_type_to_its_payload_and_result() -> None:
    assert typescript([listed("WRITE_PRESS_RELEASE", News, Release, description="Writes it.")]) == (
        """\
// Written by `herald types`. Run it again when a task type has changed.

export interface HeraldTypes {
  /** Writes it. */
  WRITE_PRESS_RELEASE: { payload: News; result: Release };
}

export interface News {
  /** As the reader *\\/ knows it. */
  company: string;
  headline: string;
  /** @default "warm" */
  tone?: Tone;
  /** @default [] */
  quotes?: Quote[];
  embargo?: string | null;
}

/** Words of a person. */
export interface Quote {
  text: string;
  by?: string | null;
}

export interface Release {
  paragraphs: string[];
  quote: Quote;
}

export type Tone = "formal" | "warm";

declare module "@herald-push/client" {
  interface Register {
    types: HeraldTypes;
  }
}
"""
    )


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


@pytest.mark.parametrize(
    ("annotation", "written"),
    [
        (int, "number;"),
        (bool, "boolean;"),
        (date, "string;"),
        (Any, "unknown;"),
        (None, "null;"),
        (Literal["a", 2, True], '"a" | 2 | true;'),
        (int | float | None, "number | null;"),
        (list[int | None], "(number | null)[];"),
        (set[str], "string[];"),
        (list[Any], "unknown[];"),
        (tuple[int, str], "[number, string];"),
        (tuple[int, ...], "number[];"),
        (dict[str, list[int]], "{ [key: string]: number[] };"),
        (dict[Literal["a", "b"], int], '{ [key in "a" | "b"]?: number };'),
        (dict[Tone, int], "{ [key in Tone]?: number };"),
        (dict[str, Any], "{ [key: string]: unknown };"),
        (Annotated[Cat | Dog, Field(discriminator="kind")], "Cat | Dog;"),
        (list[Quote], "Quote[];"),
        (JsonValue, "JsonValue;"),
    ],
)
def test_python_types_have_their_counterparts_in_typescript(annotation: Any, written: str) -> None:
    assert expression(annotation) == written


def test_optional_and_further_items_of_a_tuple_keep_their_types() -> None:
    first, second, further = {"type": "string"}, {"type": "number"}, {"type": ["string", "null"]}
    schema = {"type": "array", "prefixItems": [first, second], "minItems": 1, "items": further}
    assert "payload: [string, (number)?, ...(string | null)[]];" in typescript(
        [{"type": "T", "payloadSchema": schema, "resultSchema": {}}]
    )


def test_schemas_that_pydantic_does_not_write_are_understood() -> None:
    payload = {
        "properties": {
            "both": {"allOf": [{"type": "object", "properties": {"a": {}}}, {"enum": ["b", None]}]},
            "either": {"type": ["string", "null"]},
            "never": False,
            "any": True,
            "elsewhere": {"$ref": "#/$defs/missing"},
        },
        "title": "9 lives",
    }
    written = typescript([{"type": "T", "payloadSchema": payload, "resultSchema": {"const": [1]}}])
    assert "payload: _9Lives; result: unknown" in written
    assert 'both?: { a?: unknown } & ("b" | null);' in written
    assert "either?: string | null;" in written
    assert "never?: never;" in written
    assert "any?: unknown;" in written
    assert "elsewhere?: unknown;" in written


def test_a_date_is_a_string_whose_comment_names_the_format() -> None:
    payload = create_model("Payload", day=(date, date(2026, 1, 2)))
    written = typescript([listed("T", payload, str)])
    assert '  /**\n   * @format date\n   * @default "2026-01-02"\n   */\n  day?: string;\n' in written


def test_names_that_are_no_identifiers_are_quoted() -> None:
    payload = create_model("my payload", field=(int, Field(alias="my-field")))
    written = typescript([listed("shop.count-items", payload, str)])
    assert '"shop.count-items": { payload: MyPayload; result: string };' in written
    assert '"my-field": number;' in written


def test_a_model_that_two_task_types_share_is_written_once() -> None:
    written = typescript([listed("A", News, Quote), listed("B", Quote, str)])
    assert written.count("interface Quote ") == 1
    assert "A: { payload: News; result: Quote };\n  B: { payload: Quote; result: string };" in written


def test_different_models_of_the_same_name_are_prefixed_by_their_task_types() -> None:
    other = create_model("Quote", price=(float, ...))
    written = typescript([listed("WRITE_NEWS", News, str), listed("SELL", other, other)])
    assert "quotes?: WriteNewsQuote[];" in written
    assert "SELL: { payload: SellQuote; result: SellQuote };" in written
    assert "interface Quote " not in written


def test_a_payload_and_a_result_of_the_same_name_are_told_apart() -> None:
    payload, result = create_model("Text", words=(int, ...)), create_model("Text", text=(str, ...))
    written = typescript([listed("WRITE", payload, result)])
    assert "WRITE: { payload: WritePayloadText; result: WriteResultText };" in written


def test_models_that_differ_only_in_their_parts_are_not_the_same() -> None:
    def page(of: Any) -> Any:
        item = create_model("Item", field=(of, ...))
        return create_model("Page", item=(item, ...))

    written = typescript([listed("A", page(int), str), listed("B", page(str), str)])
    assert "interface APage {\n  item: AItem;" in written
    assert "interface BPage {\n  item: BItem;" in written


def test_names_that_only_differ_in_punctuation_are_numbered() -> None:
    defs = {"Page_int_": {"type": "array"}, "PageInt": {"type": "null"}}
    payload = {"$defs": defs, "anyOf": [{"$ref": f"#/$defs/{name}"} for name in defs]}
    written = typescript([{"type": "T", "payloadSchema": payload, "resultSchema": {}}])
    assert "payload: TPayloadPageInt2 | TPayloadPageInt3;" in written


def test_no_model_takes_the_name_of_the_map_of_types() -> None:
    payload = create_model("HeraldTypes", a=(int, ...))
    written = typescript([listed("T", payload, str)])
    assert "T: { payload: THeraldTypes; result: string };" in written


class Everything(BaseModel):
    """All kinds of fields."""

    model_config = ConfigDict(extra="allow")

    number: int = 1
    tones: dict[Tone, list[Quote]] = {}
    pair: tuple[int, Tone | None] = (1, None)
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    within: list["Everything"] = []
    value: JsonValue = None


USE = """
import type { Everything, HeraldTypes, News } from "./herald";

const news: News = { company: "Acme", headline: "Acme flies", tone: "warm", embargo: null };
const all: Everything = { pet: { kind: "cat" }, pair: [1, null], tones: { formal: [{ text: "" }] }, other: 1 };
export const items: HeraldTypes["COUNT"]["result"] = [[news.quotes?.length ?? 0, all.within ?? []]];
// @ts-expect-error a field is missing
export const incomplete: News = { company: "Acme" };
// @ts-expect-error no such tone
export const wrong: News = { company: "Acme", headline: "", tone: "cold" };
// @ts-expect-error no such field
export const misspelt: News = { company: "Acme", headline: "", titel: "" };
// @ts-expect-error no such animal
export const fish: Everything = { pet: { kind: "fish" } };
"""


def test_the_compiler_accepts_the_module_and_checks_values_with_it(tmp_path: Path) -> None:
    types = [
        listed("WRITE_PRESS_RELEASE", News, Release),
        listed("COUNT", Everything, list[tuple[int, list[Everything]]]),
        listed("PING", create_model("Empty"), None),
        listed("shop.sell-items", create_model("Quote", price=(float, ...)), dict[str, Quote]),
    ]
    (tmp_path / "herald.ts").write_text(typescript(types))
    (tmp_path / "use.ts").write_text(USE)
    (tmp_path / "client.d.ts").write_text("declare module '@herald-push/client' { class Register {} }")
    options = {"strict": True, "noEmit": True, "module": "esnext", "moduleResolution": "bundler", "types": []}
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options}))
    compiled = subprocess.run(
        [ROOT / "node_modules/.bin/tsc", "-p", tmp_path], capture_output=True, text=True, check=False
    )
    assert compiled.returncode == 0, compiled.stdout

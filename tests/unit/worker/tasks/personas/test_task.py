"""Personas: as many as requested, and all different."""

import json

import pytest

from herald.shared.task_api.prompt import InvalidAnswerError
from herald.worker.tasks.personas.payload import PersonasPayload
from herald.worker.tasks.personas.prompts import sketches_prompt
from herald.worker.tasks.personas.segments import BUSINESSES
from tests.support.built_in import PAYLOADS, generated, result_of


@pytest.mark.parametrize("count", [1, 7, 10])
async def test_the_requested_number_of_personas_is_generated(count: int) -> None:
    done = await generated("AUTO_GENERATE_PERSONAS", {**PAYLOADS["AUTO_GENERATE_PERSONAS"], "count": count})
    numbers = list(range(1, count + 1))
    assert [persona.number for persona in done.result.people] == numbers
    ids = [f"{done.task.task_id}-{number:02d}" for number in numbers]
    assert done.task.result == {"taskId": done.task.task_id, "personaIds": ids}


async def test_personas_differ_from_each_other() -> None:
    payload = {**PAYLOADS["AUTO_GENERATE_PERSONAS"], "count": 10}
    documents = (await result_of("AUTO_GENERATE_PERSONAS", payload))["people"]
    for field in ("name", "segment", "situation", "need", "quote"):
        assert len({document[field] for document in documents}) == 10
    for field in ("goals", "frustrations", "objections"):
        every = [text for document in documents for text in document[field]]
        assert len(set(every)) == len(every)
    assert all("Denmark" in document["segment"] for document in documents)


def test_two_personas_with_the_same_name_are_a_fault() -> None:
    person = {"segment": "s", "name": "Ada", "age": 30, "occupation": "o", "need": "n"}
    twice = json.dumps({"people": [person, {**person, "segment": "t", "name": "ada", "need": "m"}]})
    with pytest.raises(InvalidAnswerError, match="two people have the same name"):
        sketches_prompt(PersonasPayload(product="p", count=2)).parse(twice)


@pytest.mark.parametrize("product", ["our new payroll software for restaurants", "A CRM for accountants"])
async def test_business_products_are_bought_by_ten_different_people_at_work(product: str) -> None:
    documents = (await result_of("AUTO_GENERATE_PERSONAS", {"product": product, "count": 10}))["people"]
    every = {segment.name for segment in BUSINESSES}
    assert {document["segment"] for document in documents} == every
    for field in ("goals", "frustrations", "objections", "channels"):
        texts = [text for document in documents for text in document[field]]
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("product", "named"),
    [
        ("A bicycle bell", ": a bicycle bell."),
        ("our new payroll software for restaurants", ": new payroll software for restaurants."),
        ("We sell bread.", ": bread."),
        ("Brot", ": Brot."),
    ],
)
async def test_a_situation_names_the_product_once_without_quotation_marks(product: str, named: str) -> None:
    documents = (await result_of("AUTO_GENERATE_PERSONAS", {"product": product, "count": 10}))["people"]
    for document in documents:
        assert document["situation"].count(named) == 1
        assert "“" not in document["situation"]


async def test_a_business_product_gets_a_decision_maker() -> None:
    payload = {"product": "Invoicing software", "count": 1}
    [document] = (await result_of("AUTO_GENERATE_PERSONAS", payload))["people"]
    assert document["segment"] == "Decision-makers"

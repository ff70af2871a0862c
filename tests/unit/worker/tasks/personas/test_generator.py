"""Personas: as many as requested, and all different."""

import json

import pytest

from herald.shared.task_api.prompt import InvalidAnswerError
from herald.worker.tasks.personas.segments import BUSINESSES
from tests.support.generators import PAYLOADS, generated


@pytest.mark.parametrize("count", [1, 7, 10])
async def test_the_requested_number_of_personas_is_generated(count: int) -> None:
    result = await generated("AUTO_GENERATE_PERSONAS", {**PAYLOADS["AUTO_GENERATE_PERSONAS"], "count": count})
    ids = [f"t1-{number:02d}" for number in range(1, count + 1)]
    assert [document["personaId"] for document in result.documents] == ids
    assert result.reference == {"taskId": "t1", "personaIds": ids}


async def test_personas_differ_from_each_other() -> None:
    payload = {**PAYLOADS["AUTO_GENERATE_PERSONAS"], "count": 10}
    documents = (await generated("AUTO_GENERATE_PERSONAS", payload)).documents
    for field in ("name", "segment", "situation", "need", "quote"):
        assert len({document[field] for document in documents}) == 10
    for field in ("goals", "frustrations", "objections"):
        every = [text for document in documents for text in document[field]]
        assert len(set(every)) == len(every)
    assert all("Denmark" in document["segment"] for document in documents)


async def test_two_personas_with_the_same_name_are_a_fault() -> None:
    person = {"segment": "s", "name": "Ada", "age": 30, "occupation": "o", "need": "n"}
    twice = json.dumps({"people": [person, {**person, "segment": "t", "name": "ada", "need": "m"}]})
    with pytest.raises(InvalidAnswerError, match="two people have the same name"):
        await generated("AUTO_GENERATE_PERSONAS", {"product": "p", "count": 2}, **{"": twice})


@pytest.mark.parametrize("product", ["our new payroll software for restaurants", "A CRM for accountants"])
async def test_business_products_are_bought_by_ten_different_people_at_work(product: str) -> None:
    documents = (await generated("AUTO_GENERATE_PERSONAS", {"product": product, "count": 10})).documents
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
    documents = (await generated("AUTO_GENERATE_PERSONAS", {"product": product, "count": 10})).documents
    for document in documents:
        assert document["situation"].count(named) == 1
        assert "“" not in document["situation"]


async def test_a_business_product_gets_a_decision_maker() -> None:
    payload = {"product": "Invoicing software", "count": 1}
    [document] = (await generated("AUTO_GENERATE_PERSONAS", payload)).documents
    assert document["segment"] == "Decision-makers"

"""Scrapes and parses metrics."""

from collections import Counter

import httpx2
from prometheus_client.parser import text_string_to_metric_families

Samples = Counter[str]


def samples_of(text: str) -> Samples:
    """Values by ``name{label="value",…}``, with sorted labels; a missing sample counts as 0."""
    samples: Samples = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            samples[f"{sample.name}{{{labels}}}" if labels else sample.name] += sample.value  # type: ignore[assignment]
    return samples


async def scraped(address: str, **headers: str) -> Samples:
    """The metrics that the process at ``address`` serves."""
    async with httpx2.AsyncClient() as http:
        response = await http.get(f"http://{address}/metrics", headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/plain; version=")
    return samples_of(response.text)

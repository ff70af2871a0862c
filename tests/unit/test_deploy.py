"""The documentation, alerts, dashboard and deployment files match the code."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import REGISTRY

from herald.shared.cli.__main__ import app
from herald.shared.observability import metrics
from herald.shared.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "docs/deploy"
DOCUMENTS = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]


def known_metrics() -> set[str]:
    """The names of all samples, including the gauges that are read at each scrape."""
    assert metrics.TRANSITIONS is not None
    counted = {name for name in REGISTRY._names_to_collectors if name.startswith("herald_")}
    read = set(re.findall(r'"(herald_\w+)"', (ROOT / "server/http/metrics.py").read_text()))
    return counted | read


def metrics_in(text: str) -> set[str]:
    return set(re.findall(r"\bherald_[a-z_]+", text))


def alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def test_alerts_and_charts_use_existing_metrics() -> None:
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    asked = "\n".join(
        [rule["expr"] for rule in alerts()]
        + [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    )
    assert metrics_in(asked) - known_metrics() == set()
    shown = {re.sub(r"_(bucket|total)$", "", name) for name in metrics_in(asked)}
    ours = {re.sub(r"_(bucket|total|sum|count|created)$", "", name) for name in known_metrics()}
    assert ours - shown == set(), "every metric is on the dashboard or in an alert"


def test_the_runbook_has_every_alert_with_its_severity_and_what_to_do() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    assert re.findall(r"^### (\w+)$", text, re.MULTILINE) == [rule["alert"] for rule in alerts()]
    for rule in alerts():
        section = text.split(f"### {rule['alert']}\n\n")[1].split("\n### ")[0]
        severity = rule["labels"]["severity"]
        assert section.startswith(f"*{severity.capitalize()}.*")
        assert ("- **Now:**" if severity == "page" else "- **Later:**") in section


def test_documents_name_only_existing_settings() -> None:
    known = {f"HERALD_{name}".upper() for name in Settings.model_fields}
    texts = [*DOCUMENTS, ROOT / "compose.yaml", ROOT / "Dockerfile", *DEPLOY.iterdir()]
    for path in texts:
        named = set(re.findall(r"\bHERALD_[A-Z_]+[A-Z]\b", path.read_text()))
        assert named - known == set(), path


def test_documents_show_every_command_and_no_other() -> None:
    commands = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    shown = {
        name
        for path in DOCUMENTS
        for name in re.findall(
            r"(?:python -m herald\.shared\.cli|bin/herald|^herald|`herald) ([a-z][a-z-]*)",
            path.read_text(),
            re.MULTILINE,
        )
    }
    assert shown - commands == set()
    assert commands - shown == set(), "every command is documented"


def test_linked_files_exist() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_files_named_in_documents_exist() -> None:
    shown_as_new = {"worker/tasks/press_release.py"}  # the guide creates it
    for path in DOCUMENTS:
        for name in re.findall(r"`((?:server|worker|shared|static|tests|docs)/[\w./-]*)`", path.read_text()):
            assert name in shown_as_new or (ROOT / name).exists(), f"{path.name}: {name}"


def test_the_image_copies_existing_files_and_compose_runs_the_procfile_commands() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert names == allowed and all((ROOT / name).exists() for name in names)
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    procfile = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert " ".join(services["worker"]["command"]) == procfile["worker"]
    assert json.dumps(procfile["web"].split()) in (ROOT / "Dockerfile").read_text()


def test_example_proxies_block_internal_paths() -> None:
    for name in ("nginx.conf", "Caddyfile"):
        text = (DEPLOY / name).read_text()
        assert "/metrics" in text and "/centrifugo/" in text

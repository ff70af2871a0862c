"""The result: personas in full."""

from herald.worker.tasks.models import Model
from herald.worker.tasks.personas.answers import Portrait, Sketch


class Persona(Portrait, Sketch):
    """A profile of an ideal customer."""

    number: int
    """Its number among the task's personas, from 1."""


class Personas(Model):
    """All personas of a task."""

    people: list[Persona]

"""One dataset on a ladder: every question goes up all rungs, answers go to disk, then to runs."""

import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from eval.answers import Served
from eval.bench import Watch
from eval.checkpoint import Checkpoint, Line, write
from eval.ladder_file import Ladder
from eval.ladder_plan import slug
from eval.ladder_standing import Standing
from eval.measured import measured
from eval.prefixes import Prefixes, Sharing, put_before, shared_by
from eval.prepared import Prepared
from eval.questions import Query
from eval.results import MANIFEST, Run, open_folder, read_run
from retrieval.errors import AssayError

EVERY_S = 2.0
"""How often the standing is told."""


@dataclass(frozen=True)
class Course:
    """A ladder's rungs on one dataset, in a folder of its own.

    Rungs share prefixes, so that each question is asked of all of them in turn. A rung's time is
    the sum of its steps', a shared step's that of its one run.
    """

    folder: Path
    ladder: Ladder
    ready: Prepared

    @property
    def folders(self) -> list[Path]:
        """Where the run of each rung is."""
        return [
            self.folder / f"{number:02}-{slug(each.name)}"
            for number, each in enumerate(self.ladder.rungs, 1)
        ]

    @property
    def finished(self) -> bool:
        """Whether every rung has its run."""
        return all((folder / MANIFEST).is_file() for folder in self.folders)

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The answers until then."""
        files = (folder.with_name(f"{folder.name}.answers") for folder in self.folders)
        return Checkpoint(tuple(files), self.ready.asked.kept)

    @cached_property
    def _prefixes(self) -> Prefixes:
        return Prefixes(self.ready.kit, shared_by(each.pipeline for each in self.ladder.rungs))

    @cached_property
    def _systems(self) -> list[Sharing]:
        return [
            Sharing(Served(each.pipeline, self.ready.kit), self._prefixes)
            for each in self.ladder.rungs
        ]

    def rehearse(self) -> None:
        """Ask the first question of every rung: what cannot run is found before anything does.

        Raises: AssayError that names the rung, the dataset and the stage.
        """
        if not self.finished:
            self._asked(self.checkpoint.queries[0])

    def climb(self, watch: Watch, metric: str) -> None:
        """Ask all questions that have no answers yet, and write the runs.

        Raises: AssayError that names the rung, the dataset and the stage; what is answered stays.
        """
        if not self.finished:
            self.folder.mkdir(exist_ok=True)
            self._ask(watch, Standing(self.ready, metric, [it.name for it in self.ladder.rungs]))
            self._write()
        self.checkpoint.remove()

    def runs(self) -> list[Run]:
        """Return the runs of the rungs. Raises: InputError for one that cannot be read."""
        return [read_run(folder) for folder in self.folders]

    def _ask(self, watch: Watch, standing: Standing) -> None:
        queries = self.checkpoint.queries
        done = self.checkpoint.recovered()
        if done:
            watch.said(f"{self.ready.name}: {done:,} of {len(queries):,} questions were answered.")
        known = zip(*map(self.checkpoint.lines, self.checkpoint.files), strict=True)
        for query, lines in zip(queries, known, strict=False):
            standing.add(query, [line.answer for line in lines])
        files = self.checkpoint.open()
        try:
            told = time.monotonic()
            for number, query in enumerate(queries[done:], done + 1):
                found = self._asked(query)
                for file, line in zip(files, found, strict=True):
                    write(file, line)
                standing.add(query, [line.answer for line in found])
                watch.asked(number, len(queries))
                if time.monotonic() - told > EVERY_S:
                    watch.standing(standing.table())
                    told = time.monotonic()
        finally:
            for file in files:
                file.close()
        watch.standing(standing.table())

    def _asked(self, query: Query) -> list[Line]:
        lines = []
        for rung, system in zip(self.ladder.rungs, self._systems, strict=True):
            try:
                answer = self.ready.asking.answer(system, query)
            except AssayError as error:
                put_before(error, f"Rung {rung.name!r} on {self.ready.name}, {query.id!r}")
                raise
            ms = sum(step.ms for step in answer.trace)
            lines.append(Line(query.id, replace(answer, ms=ms), system.spent()))
        self._prefixes.forget()
        return lines

    def _write(self) -> None:
        asked = self.ready.asked
        rungs = zip(self.ladder.rungs, self.folders, self.checkpoint.files, strict=True)
        for rung, folder, file in rungs:
            if not (folder / MANIFEST).is_file():
                answers, spent = self.checkpoint.answers(file)
                about = {"ladder": self.ladder.name, "rung": rung.name, **spent._asdict()}
                also = {**asked.also, "seconds": spent.alone_s, "ladder": about}
                system = Served(rung.pipeline, self.ready.kit)
                measured(replace(asked, also=also), system, answers, open_folder(folder))

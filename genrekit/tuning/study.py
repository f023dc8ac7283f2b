"""Studies on disk: Optuna's journal of asked and told trials, the results behind it, and a table of both.

*Conventions.* The folder of ``NAME.genrekit`` is ``NAME.tune/``. One process works on it at a time. Trial n of batch b is asked
with a sampler of the seed (seed, n), after all batches before b were told, so that the same seed and the same size of
batches give the same trials whatever runs them, and again after an interruption.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from genrekit.errors import TrainingError, UsageError
from genrekit.hashing import hash_json
from genrekit.metrics import LOWER_IS_BETTER
from genrekit.training import PREDICT_MS, Result, Row, rounded, write_table
from genrekit.tuning.folder import JOURNAL, RESULTS, TABLE, remove_half_line, writing
from genrekit.tuning.sampling import Sampler
from genrekit.tuning.space import Space

_STUDY, _FACTS = "genrekit", "genrekit"


class Study:
    """A search on disk.

    Parameters
    ----------
    folder : Path
        A locked folder.
    facts : Mapping
        What the search is about, JSON-able: a study is continued only with equal facts.
    space : Space
    objectives : sequence of str
        Names of metrics.
    seed : int

    Raises
    ------
    UsageError
        If the journal is damaged, or of another search.
    """

    def __init__(
        self, folder: Path, facts: Mapping[str, Any], space: Space, objectives: Sequence[str], seed: int
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.folder, self.space, self.objectives, self._seed = folder, space, tuple(objectives), seed
        path = folder / JOURNAL
        is_new = not path.exists()
        with writing(path):
            (folder / RESULTS).mkdir(exist_ok=True)
        try:
            with writing(path):
                remove_half_line(path)
                storage = JournalStorage(JournalFileBackend(str(path), lock_obj=_NoLock()))
                if others := set(optuna.get_all_study_names(storage)) - {_STUDY}:
                    raise UsageError(
                        f"{path} is the journal of another search: it holds the study {min(others)!r}.",
                        "Start anew with --overwrite, or choose another --output.",
                    )
                self._study = optuna.create_study(
                    storage=storage,
                    study_name=_STUDY,
                    directions=["minimize" if is_smaller_better(one) else "maximize" for one in objectives],
                    load_if_exists=True,
                )
            known = self._study.user_attrs.get(_FACTS)
        except (TrainingError, UsageError):
            raise
        except Exception as error:  # a damaged journal may raise anything
            raise UsageError(
                f"{path} is not a journal of a search: {' '.join(str(error).split())[:200]}.",
                "Start anew with --overwrite, or choose another --output.",
            ) from None
        wanted = json.loads(json.dumps(facts))
        self._run = hash_json(wanted)[:16]
        if known is None and (is_new or not self.trials):
            with writing(path):
                self._study.set_user_attr(_FACTS, wanted)
        elif known != wanted:
            other = [key for key in wanted if not isinstance(known, dict) or known.get(key) != wanted[key]]
            raise UsageError(
                f"{path} is the journal of another search, which differs in {', '.join(other) or 'its facts'}.",
                "Pass the same options and data to resume it, --overwrite to start anew, or another --output.",
            )

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, in the order in which they were asked."""
        return list(self._study.get_trials(deepcopy=False))

    def ask(self, number: int, settings: Mapping[str, Any] | None = None) -> FrozenTrial:
        """Ask for a trial, or return it if it was asked before.

        Parameters
        ----------
        number : int >= 0
        settings : Mapping, optional
            What to try, instead of what the sampler suggests.
        """
        trials = self.trials
        known = trials[number] if number < len(trials) else None
        if known and set(known.params) == {one.key for one in self.space}:
            return known
        with writing(self.folder / JOURNAL), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            entropy = np.random.SeedSequence([self._seed, number]).generate_state(1)[0]
            self._study.sampler = Sampler(self.space, int(entropy))
            if known and known.state is TrialState.RUNNING:  # interrupted while it was asked
                trial = optuna.trial.Trial(self._study, known._trial_id)
            else:
                if settings is not None and known is None:
                    self._study.enqueue_trial(dict(settings))
                trial = self._study.ask()
            for one in self.space:
                if one.choices:
                    trial.suggest_categorical(one.key, list(one.choices))
                elif isinstance(one.low, int):
                    trial.suggest_int(one.key, one.low, int(one.high), log=one.log)
                else:
                    trial.suggest_float(one.key, one.low, one.high, log=one.log)
        return self.trials[number]

    def tell(self, number: int, result: Result) -> None:
        """Record the result of a trial; a result that was recorded before is kept."""
        trial = self.trials[number]
        if trial.state.is_finished():
            return
        reason = result.error or result.stopped
        facts: dict[str, Any] = {
            "metrics": rounded(result.metrics),
            "folds": result.folds,
            "reason": reason,
            "curve": [list(point) for point in result.curve],
        }
        open_trial = optuna.trial.Trial(self._study, trial._trial_id)
        with writing(self.folder / RESULTS):
            if not reason:
                self._keep(number, result)
        with writing(self.folder / JOURNAL), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, value in facts.items():
                open_trial.set_user_attr(name, value)
            if result.error:
                self._study.tell(number, state=TrialState.FAIL)
            elif result.stopped:
                self._study.tell(number, state=TrialState.PRUNED)
            else:
                self._study.tell(number, [facts["metrics"][one] for one in self.objectives])

    def _keep(self, number: int, result: Result) -> None:
        arrays = {
            name: value
            for name in ("scores", "targets", "groups", "fold_of", "thresholds")
            if (value := getattr(result, name)) is not None
        }
        stream = io.BytesIO()
        np.savez(stream, labels=np.array(result.labels), **arrays)
        path = self.folder / RESULTS / f"{number}.npz"
        with writing(path):
            path.write_bytes(stream.getvalue())

    def result(self, number: int) -> Result:
        """Return the recorded result of a trial, with its scores.

        Raises
        ------
        UsageError
            If its file is missing or damaged.
        """
        path = self.folder / RESULTS / f"{number}.npz"
        facts = self.trials[number].user_attrs
        try:
            with np.load(path, allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
            labels = tuple(arrays.pop("labels").tolist())
            return Result(metrics=facts["metrics"], folds=facts["folds"], labels=labels, **arrays)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path} is missing or damaged: {error}.", "Start anew with --overwrite."
            ) from None

    def complete(self, *, before: int | None = None) -> list[FrozenTrial]:
        """Return the trials that were measured on all folds, of the first ``before`` or of all."""
        return [one for one in self.trials[:before] if one.state is TrialState.COMPLETE]

    def best(self, *, before: int | None = None) -> FrozenTrial | None:
        """Return the best of the complete trials by the first objective; the earliest where several are equal."""
        found = self.complete(before=before)
        sign = 1 if is_smaller_better(self.objectives[0]) else -1
        return min(found, key=lambda one: (sign * one.values[0], one.number), default=None)

    def front(self) -> list[FrozenTrial]:
        """Return the complete trials that no other is better than in one objective and at least as good in all."""
        return sorted(self._study.best_trials, key=lambda one: one.number)

    def importances(self) -> dict[str, float]:
        """Return how much each setting explains of the first objective, in [0, 1]; empty if that cannot be told."""
        if len(self.complete()) < 4:
            return {}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = optuna.importance.get_param_importances(
                    self._study,
                    evaluator=optuna.importance.PedAnovaImportanceEvaluator(),
                    target=(lambda one: one.values[0]) if len(self.objectives) > 1 else None,
                )
        except (ValueError, RuntimeError, ArithmeticError):  # all trials equal, or too few of them
            return {}
        return {name: float(value) for name, value in found.items() if np.isfinite(value)}

    def write_table(self) -> None:
        """Write the table of the told trials."""
        rows = [one for one in self.trials if one.state.is_finished()]
        found = [
            Row(
                one.number,
                one.state.name.lower(),
                one.params,
                one.user_attrs.get("folds", 0),
                one.user_attrs.get("metrics", {}),
                one.user_attrs.get("reason", ""),
            )
            for one in rows
        ]
        path = self.folder / TABLE
        with writing(path):
            write_table(path, self._run, [one.key for one in self.space], found)


def is_smaller_better(objective: str) -> bool:
    """Return whether an objective is minimised."""
    return objective in LOWER_IS_BETTER or objective == PREDICT_MS


class _NoLock(JournalFileOpenLock):
    """No lock: the folder is locked, and one that a killed process left behind would be in the way."""

    def __init__(self) -> None:
        pass

    def acquire(self) -> bool:
        """Do nothing."""
        return True

    def release(self) -> None:
        """Do nothing."""

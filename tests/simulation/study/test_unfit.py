"""What a study asks before it runs: each cell's own files, and what several cells read only once."""

import simulation.study.run as study_run
from configs.errors import UserError
from tests.simulation.smallest import smallest


def test_one_cell_s_broken_strategy_says_nothing_of_another(monkeypatch):
    bad, good = smallest("strategy.name=no_such_module:Rule"), smallest()
    for order in ([bad, good], [good, bad]):
        seen: dict[str, UserError | None] = {}
        told = {id(each): study_run._unfit(each, seen) for each in order}
        assert "no_such_module" in str(told[id(bad)]) and told[id(good)] is None


def test_recordings_that_several_cells_read_are_asked_once(monkeypatch):
    asked = []

    def refused(experiment):
        asked.append(experiment)
        raise UserError("no such folder", where="data.root")

    monkeypatch.setattr(study_run, "check_holdings", refused)
    seen: dict[str, UserError | None] = {}
    cells = [smallest("finetune.rate=0.01"), smallest("finetune.rate=0.02"), smallest("strategy.name=fedmedian")]
    told = [study_run._unfit(each, seen) for each in cells]
    assert [(each.what, each.where) for each in told] == [("no such folder", "data.root")] * 3
    assert len(asked) == 1

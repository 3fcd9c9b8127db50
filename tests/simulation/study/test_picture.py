"""Everything that a study's picture says can be read: within the picture, and nothing over anything else."""

import pytest

from configs.study import MEASURES, load_study
from simulation.study.picture import drawn, titled
from simulation.study.table import Line

METHODS = ("lower_bound", "unimodal", "mim", "mpm", "cmg", "dcm", "imagebind", "fedbind", "upper_bound")


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("places", [2, 13])
def test_words_lie_within_the_picture_and_apart(measure, places):
    study = load_study("utd_mhad_methods_few").model_copy(update={"measure": measure})
    table = [Line((f"place {n}",), method, 0.8, 0.02, 3) for n in range(places) for method in METHODS]
    figure = drawn(study, table)
    titled(figure, study.title, "Data: utd_mhad (real recordings). Seeds: 0, 1, 2, 3, 4. 3.21 hours of wall time.")
    figure.canvas.draw()
    (axes,), (legend,), page = figure.axes, figure.legends, figure.bbox
    words = [figure._suptitle, figure._supxlabel, axes.yaxis.label, legend]
    boxes = [each.get_window_extent() for each in words]
    assert all(page.x0 <= b.x0 and b.x1 <= page.x1 and page.y0 <= b.y0 and b.y1 <= page.y1 for b in boxes)
    assert not any(boxes[i].overlaps(boxes[j]) for i in range(4) for j in range(i))

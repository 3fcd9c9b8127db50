"""The page of `fedbind data check`: what is kept to be drawn, the pictures, and the whole of it."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.describe import check
from client.data.gallery import Gallery, middle
from client.data.page import check_page, write_page
from client.data.pictures import MOST_POINTS, shown_channels, thinned, trace_svg
from client.data.recording import Recording, Signal
from configs.errors import UserError

NAN = float("nan")


def signal(values, rate_hz=1.0):
    array = np.array(values, dtype=np.float32)
    return Signal(array[:, None] if array.ndim == 1 else array, rate_hz)


def kept(gallery, modality="acc", label=0):
    return [(each.subject, each.recording) for each in gallery.excerpts.get((modality, label), [])]


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_three_of_a_class_are_kept_and_another_subject_goes_before_the_same_once_more():
    gallery = Gallery()
    for subject, name in [
        ("1", "a"),
        ("1", "b"),
        ("1", "c"),
        ("1", "d"),
        ("2", "e"),
        ("2", "f"),
        ("3", "g"),
        ("4", "h"),
    ]:
        gallery.add(Recording(subject, 0, {"acc": signal([1, 2])}, name))
    assert kept(gallery) == [("1", "a"), ("2", "e"), ("3", "g")]
    assert kept(gallery, label=1) == []


def test_a_signal_of_gaps_alone_is_not_kept():
    gallery = Gallery()
    gallery.add(Recording("1", 0, {"acc": signal([NAN, NAN]), "eda": signal([1])}, "a"))
    assert kept(gallery) == [] and kept(gallery, "eda") == [("1", "a")]


def test_the_middle_is_ten_seconds_or_as_many_records_as_can_be_seen():
    assert middle(signal(range(1000), 50.0)).values[[0, -1], 0].tolist() == [250, 749]
    assert len(middle(signal(range(1000), 1.0)).values) == 64
    short = signal(range(5))
    assert middle(short).values[:, 0].tolist() == [0, 1, 2, 3, 4] and middle(short).values is not short.values


def test_the_span_leaves_out_the_outermost_hundredths_and_gaps():
    gallery = Gallery()
    gallery.add(Recording("1", 0, {"acc": signal([*range(1000), NAN], 100.0)}, ""))
    assert gallery.span("acc") == pytest.approx((9.99, 989.01))
    gallery.add(Recording("1", 0, {"still": signal([5, 5])}, ""))
    assert gallery.span("still") == (4.5, 5.5) and gallery.span("none") == (0.0, 1.0)


# --- pictures ---------------------------------------------------------------------------------------------------------


def points(svg):
    """Per path: the runs of (x, y) between gaps."""
    return [
        [[tuple(map(float, pair.split())) for pair in run.split("L")] for run in path.split("M")[1:]]
        for path in re.findall(r'<path d="([^"]*)"', svg)
    ]


def test_lowest_and_highest_values_lie_at_the_lower_and_upper_edge():
    ((run,),) = points(trace_svg(signal([0, 10, 5]), 0, 10, ""))
    assert run == [(3.0, 81.0), (130.0, 3.0), (257.0, 42.0)]


def test_a_gap_breaks_the_line_of_its_channel_alone():
    svg = trace_svg(signal([[0, 0], [1, NAN], [2, NAN], [3, 3]]), 0, 3, "")
    first, second = points(svg)
    assert [len(run) for run in first] == [4] and [len(run) for run in second] == [1, 1]


def test_of_many_channels_some_are_drawn():
    assert shown_channels(3) == [0, 1, 2] and len(shown_channels(60)) == 12 and shown_channels(60)[-1] == 59
    assert len(points(trace_svg(signal(np.zeros((4, 60))), 0, 1, ""))) == 12


@given(
    st.lists(st.one_of(st.integers(-100, 100), st.just(NAN)), min_size=MOST_POINTS + 1, max_size=900),
)
def test_thinning_keeps_the_extremes_in_order_and_gaps_longer_than_a_part(values):
    array = np.array(values, dtype=np.float32)
    records, drawn = thinned(array)
    assert len(records) <= MOST_POINTS and (np.diff(records) >= 0).all()
    known = array[np.isfinite(array)]
    if len(known):
        assert (np.nanmin(drawn), np.nanmax(drawn)) == (known.min(), known.max())
    for record, value in zip(records.astype(int), drawn, strict=True):
        assert value != value or value == array[record]


# --- the whole page ---------------------------------------------------------------------------------------------------


class Closed(HTMLParser):
    """Every tag is closed in order, and nothing is fetched."""

    def __init__(self):
        super().__init__()
        self.open, self.fetched, self.pictures = [], [], 0

    def handle_starttag(self, tag, attributes):
        self.pictures += tag == "svg"
        self.fetched += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "path", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("path", "rect"):
            assert self.open.pop() == tag


def simulated(**options):
    gallery = Gallery()
    chosen = {"subjects": 2, "recordings_per_class": 1, **options}
    found = check("wearable_sim", None, modalities=["acc", "temp"], options=chosen, show=gallery.add)
    return found, gallery


def test_every_modality_and_class_has_its_pictures_and_simulated_ones_say_so():
    page = check_page(*simulated())
    parser = Closed()
    parser.feed(page)
    assert parser.open == [] and parser.fetched == [] and parser.pictures == 2 * 6 * 2
    assert page.count("SIMULATED") == 3 and "cycling under stress" in page and "subject 2" in page
    assert "%" in page and "6 classes" not in page and "12 recordings of 2 subjects" in page


def test_what_comes_from_files_is_escaped(tmp_path):
    (tmp_path / "dataset.yaml").write_text(
        'title: "<b>bold</b>"\nfiles: "{subject}_{what}.csv"\nrate_hz: 1\nlabel: what\n'
        'modalities: {acc: {kind: inertial, columns: [0, 1, 2], unit: "<i>"}}\n'
    )
    (tmp_path / "<u>_<script>.csv").write_text("1,2,3\n4,5,6\n")
    (tmp_path / '"a"_sit.csv').write_text("1,2,3\n4,5,6\n")
    gallery = Gallery()
    found = check("folder", tmp_path, show=gallery.add)
    page = check_page(found, gallery)
    assert found.recordings == 2
    for tag in ("<b>", "<i>", "<u>", "<script>", '"a"'):
        assert tag not in page
    assert "&lt;script&gt;" in page


def test_a_class_without_recordings_is_shown_as_such(tmp_path):
    found, gallery = simulated()
    gallery.excerpts.pop(("acc", 1))
    assert check_page(found, gallery).count("no recording<") == 1


def test_a_page_that_cannot_be_written_is_an_error_of_the_users(tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        write_page(tmp_path / "no" / "such" / "folder.html", *simulated())

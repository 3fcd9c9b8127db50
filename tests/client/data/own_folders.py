"""Writes small folders of own recordings, each described by a dataset.yaml, and reads them."""

from client.data.own.dataset import OwnRecordings

NAN = float("nan")
PLAIN = """
title: Gait at home
files: "{subject}/{activity}_{trial}.csv"
rate_hz: 50
modalities:
  acc: {kind: inertial, columns: [ax, ay, az], unit: g}
  gyr: {kind: inertial, columns: [gx, gy, gz], unit: deg/s}
label: activity
"""
ARRAYS = """
title: Two sensors and a label, each in its own rate
files: "{subject}_{day}.npz"
modalities:
  acc: {kind: inertial, key: acc, axes: [x, y, z], rate_hz: 4}
  ecg: {kind: physiological, key: ecg, axes: [lead], rate_hz: 8}
label: {column: label, rate_hz: 1}
classes: [calm, stress]
"""
SEPARATE = """
title: Phones
rate_hz: 10
time: t
time_unit: ms
modalities:
  acc: {kind: inertial, files: "{subject}/{trial}/acc.csv", columns: [x, y, z]}
  gyr: {kind: inertial, files: "{subject}/{trial}/gyr.csv", columns: [x, y, z]}
label: {table: trials.csv, column: activity}
classes: {sit: sitting, go: walking}
"""


def load(root, **asked):
    asked = {"subjects": ["1"], "modalities": ["acc"], "on_corrupt": "fail", "options": {}, "seed": 0} | asked
    return OwnRecordings().load(root, **asked)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def described(root, text):
    write(root / "dataset.yaml", text)
    return root


def csv(rows, names="ax,ay,az,gx,gy,gz"):
    return names + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def counting(records, columns=6):
    return [[record + column / 10 for column in range(columns)] for record in range(records)]


def gait_at_home(root):
    """Subject 1 walks and sits, 10 walks, 2 sits."""
    for subject, activity, trial, records in (
        (1, "walk", 1, 3),
        (1, "sit", 1, 2),
        (10, "walk", 1, 4),
        (2, "sit", 2, 5),
    ):
        write(root / str(subject) / f"{activity}_{trial}.csv", csv(counting(records)))
    return described(root, PLAIN)

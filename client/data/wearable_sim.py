"""Simulated wearables: every figure made from them is a figure about a simulation.

Six classes: three activities, each calm and under stress. What each modality tells, by construction:
- `acc`, `gyro` the activity plainly, and stress a little (fidgeting, a quicker step): enough to bind samples of
  different subjects by, not enough to tell the classes.
- `ecg`, `eda`, `emg`, `temp`, `resp` stress, but mixed up with activity, which drives the same physiology (the heart of
  a calm walker beats as fast as that of a stressed sitter), and with the subject's own resting values and gains.
So sensors must be fused, and what one node's sensors lack another's hold.

Why numpy and not neurokit2 (0.2.13, tried on one core): importing it took 3.7 s, and its dynamical ECG model 0.37 s a
minute, so some 35 s for the 96 minutes of the twelve subjects here, and it takes no breathing that other sensors see as
well. Its idea is kept: the ECG is a sum of five Gaussians over the phase of the beat (McSharry et al. 2003), but with
the phase integrated from a heart rate that breathing and slow waves modulate; skin conductance is a level plus
biexponential responses at random times.

Everything comes from (seed, subject) and the options alone, modality by modality, so a node generates its own subjects
and asking for fewer modalities changes none of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from client.data.cards import DatasetCard, ModalityCard, OptionCard
from client.data.corrupt import CorruptPolicy
from client.data.recording import Recording, Signal
from client.data.source import Dataset, Request
from configs.errors import UserError

Values = NDArray[np.float64]
Rng = np.random.Generator

ACTIVITIES = ("resting", "walking", "cycling")
CLASSES = (*ACTIVITIES, *(f"{activity} under stress" for activity in ACTIVITIES))

CARD = DatasetCard(
    name="wearable_sim",
    title="simulated wearables",
    citation="simulated; the shape of the ECG after P. E. McSharry et al., IEEE Trans. Biomed. Eng. 50 (2003)",
    terms="none: nothing was recorded",
    published_at="this package",
    tree="",
    simulated=True,
    classes=CLASSES,
    modalities={
        "acc": ModalityCard("inertial", 3, 32.0, "g"),
        "gyro": ModalityCard("inertial", 3, 32.0, "rad/s"),
        "ecg": ModalityCard("physiological", 1, 128.0, "mV"),
        "emg": ModalityCard("physiological", 1, 128.0, "mV"),
        "eda": ModalityCard("physiological", 1, 8.0, "µS"),
        "temp": ModalityCard("physiological", 1, 4.0, "°C"),
        "resp": ModalityCard("physiological", 1, 32.0, "1"),
    },
    options={
        "subjects": OptionCard(12, (), "how many people, named 1, 2, ..."),
        "recordings_per_class": OptionCard(5, (), "per subject and class"),
        "seconds": OptionCard(16.0, (), "length of a recording"),
        "noise": OptionCard(1.0, (), "factor on every sensor's noise"),
    },
)


@dataclass(frozen=True)
class Person:
    """What stays with a subject over all recordings."""

    heart_rate: float  # beats per minute at rest
    breathing_hz: float
    conductance: float  # µS
    skin: float  # °C
    stress_response: float  # factor
    fitness: float  # factor on what activity does to the heart
    step_hz: float
    pedal_hz: float
    mounting: Values  # (3, 3), how the sensor sits on the body
    gain: dict[str, float]  # modality -> factor
    moving_as: Values  # (2, 3, 3): amplitude by activity, harmonic and axis, as acceleration in g


@dataclass(frozen=True)
class Moment:
    """What one recording's sensors see in common: the state and the phases that tie them together."""

    activity: int  # index in ACTIVITIES
    stress: float  # about 0 calm, about 1 stressed
    vigour: float
    heart_rate: float
    breathing_hz: float
    breathing_phase: float
    move_hz: float
    move_phase: float
    seconds: float
    noise: float


class WearableSim(Dataset):
    """The simulation, in the place of a data set."""

    card = CARD

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """1 to the option `subjects`."""
        return [str(number + 1) for number in range(int(options["subjects"]))]

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """Every subject's recordings in an order of their own; the same for the same seed, whoever else is asked for."""
        chosen = asked.options
        if chosen["seconds"] < 1:
            raise UserError(f"seconds is {chosen['seconds']}", where="data set wearable_sim", expected="1 or more")
        for subject in asked.subjects:
            key = (asked.seed, crc32(subject.encode()))
            person = person_of(np.random.default_rng(key))
            labels = np.repeat(np.arange(len(CLASSES)), int(chosen["recordings_per_class"]))
            for number, label in enumerate(np.random.default_rng((*key, 1)).permutation(labels).tolist()):
                moment = moment_of(
                    person, label, chosen["seconds"], chosen["noise"], np.random.default_rng((*key, 2, number))
                )
                signals = {}
                for modality in asked.modalities:
                    rng = np.random.default_rng((*key, 3, number, crc32(modality.encode())))
                    rate_hz = CARD.modalities[modality].rate_hz
                    time_s = np.arange(round(moment.seconds * rate_hz)) / rate_hz
                    values = person.gain[modality] * SENSORS[modality](person, moment, time_s, rng)
                    signals[modality] = Signal(values.astype(np.float32), rate_hz)
                yield Recording(subject, label, signals, f"subject {subject}, recording {number}")


def person_of(rng: Rng) -> Person:
    """A person drawn at random."""
    tilt = rng.normal(0, 0.15, 3)
    across = np.array([[0, -tilt[2], tilt[1]], [tilt[2], 0, -tilt[0]], [-tilt[1], tilt[0], 0]])
    mounting, _ = np.linalg.qr(np.eye(3) + across)  # near the identity, orthogonal
    mounting = mounting * np.sign(np.diag(mounting))
    return Person(
        heart_rate=rng.normal(68, 7),
        breathing_hz=rng.normal(0.23, 0.03),
        conductance=rng.lognormal(1.0, 0.4),
        skin=rng.normal(33.5, 0.6),
        stress_response=rng.uniform(0.75, 1.25),
        fitness=rng.uniform(0.8, 1.2),
        step_hz=rng.normal(1.85, 0.1),
        pedal_hz=rng.normal(1.2, 0.1),
        mounting=mounting,
        gain={each: float(rng.lognormal(0, 0.15)) if each != "temp" else 1.0 for each in sorted(CARD.modalities)},
        moving_as=np.array([[[0.12, 0.3, 0.1], [0.05, 0.15, 0.08]], [[0.15, 0.05, 0.12], [0.03, 0.04, 0.02]]])
        * rng.lognormal(0, 0.25, (2, 2, 3)),
    )


def moment_of(person: Person, label: int, seconds: float, noise: float, rng: Rng) -> Moment:
    """One recording's state: what activity and stress do to this person this time."""
    activity, stressed = label % len(ACTIVITIES), label >= len(ACTIVITIES)
    stress = rng.uniform(0.6, 1.2) if stressed else rng.uniform(0.0, 0.35)
    vigour = rng.lognormal(0, 0.12)
    felt = stress * person.stress_response
    heart = person.heart_rate + (0, 26, 38)[activity] * vigour * person.fitness + 20 * felt + rng.normal(0, 3)
    breathing = person.breathing_hz + (0, 0.09, 0.13)[activity] * vigour + 0.05 * felt + rng.normal(0, 0.03)
    move = (0.0, person.step_hz * (1 + 0.05 * stress), person.pedal_hz * (1 + 0.08 * stress))[activity]
    return Moment(
        activity=activity,
        stress=felt,
        vigour=vigour,
        heart_rate=heart,
        breathing_hz=max(breathing, 0.08),
        breathing_phase=rng.uniform(0, 2 * np.pi),
        move_hz=move * (1 + rng.normal(0, 0.02)),
        move_phase=rng.uniform(0, 2 * np.pi),
        seconds=float(seconds),
        noise=float(noise),
    )


def slow_wave(time_s: Values, around_hz: float, rng: Rng) -> Values:
    """A smooth wave of about unit amplitude: four sines near one frequency. (time,)"""
    hz = around_hz * rng.uniform(0.6, 1.4, 4)
    return np.asarray(np.sin(2 * np.pi * np.outer(time_s, hz) + rng.uniform(0, 2 * np.pi, 4)).sum(axis=1) / 2)


def breathing(moment: Moment, time_s: Values) -> Values:
    """The phase of breathing that chest, heart and baseline share, radians (time,)."""
    return 2 * np.pi * moment.breathing_hz * time_s + moment.breathing_phase


def stride(moment: Moment, time_s: Values) -> Values:
    """The phase of step or pedal that all sensors on the body share, radians (time,)."""
    return 2 * np.pi * moment.move_hz * time_s + moment.move_phase


def fidgeting(moment: Moment, time_s: Values, rng: Rng) -> Values:
    """Where a stressed body fidgets: smooth bumps at random times, 0 to about 1. (time,)"""
    count = rng.poisson((0.06 + 0.16 * moment.stress) * moment.seconds)
    at = rng.uniform(0, moment.seconds, count)
    height = rng.uniform(0.4, 1.0, count)
    return np.asarray((height * np.exp(-0.5 * ((time_s[:, None] - at) / 0.35) ** 2)).sum(axis=1))


def acc(person: Person, moment: Moment, time_s: Values, rng: Rng) -> Values:
    """Acceleration of the trunk in g, gravity included, (time, 3)."""
    motion = np.zeros((len(time_s), 3))
    if moment.activity:
        amplitude = person.moving_as[moment.activity - 1] * moment.vigour  # (harmonic, axis)
        for harmonic in (1, 2):
            lag = np.array([0.0, 0.7, 1.9])
            motion += amplitude[harmonic - 1] * np.sin(harmonic * stride(moment, time_s)[:, None] + harmonic * lag)
    lean = np.array([(0.05, 0.98, 0.1), (0.08, 0.99, 0.0), (0.1, 0.85, 0.5)][moment.activity]) + rng.normal(0, 0.03, 3)
    restless = fidgeting(moment, time_s, rng)[:, None] * rng.normal(0, 0.1, (len(time_s), 3))
    noise = moment.noise * rng.normal(0, 0.025, (len(time_s), 3))
    return np.asarray((lean + motion + restless) @ person.mounting.T + noise)


def gyro(person: Person, moment: Moment, time_s: Values, rng: Rng) -> Values:
    """Rotation of the trunk in rad/s, (time, 3)."""
    motion = np.zeros((len(time_s), 3))
    if moment.activity:
        amplitude = 4.0 * person.moving_as[moment.activity - 1][0, ::-1] * moment.vigour
        motion = amplitude * np.cos(stride(moment, time_s)[:, None] + np.array([0.3, 1.1, 2.0]))
    restless = fidgeting(moment, time_s, rng)[:, None] * rng.normal(0, 0.5, (len(time_s), 3))
    noise = moment.noise * rng.normal(0, 0.08, (len(time_s), 3))
    return np.asarray((motion + restless) @ person.mounting.T + noise)


BEAT = (  # P, Q, R, S, T: phase in radians from the R peak, height in mV, width in radians
    (-1.2, 0.12, 0.25),
    (-0.26, -0.12, 0.1),
    (0.0, 1.1, 0.1),
    (0.26, -0.25, 0.1),
    (1.75, 0.3, 0.4),
)


def ecg(person: Person, moment: Moment, time_s: Values, rng: Rng) -> Values:
    """One lead in mV, (time, 1)."""
    quiet = 1 / (1 + 1.5 * moment.stress + 1.2 * moment.activity)  # how far the heart rate still varies
    varying = 0.08 * quiet * np.sin(breathing(moment, time_s)) + 0.04 * quiet * slow_wave(time_s, 0.1, rng)
    step_s = time_s[1] - time_s[0]
    phase = 2 * np.pi * np.cumsum(moment.heart_rate / 60 * (1 + varying)) * step_s + rng.uniform(0, 2 * np.pi)
    wave = np.zeros(len(time_s))
    for at, height, width in BEAT:
        off = np.mod(phase - at + np.pi, 2 * np.pi) - np.pi
        wave += height * np.exp(-0.5 * (off / width) ** 2)
    wander = 0.1 * np.sin(breathing(moment, time_s)) + 0.08 * moment.activity * slow_wave(time_s, 0.7, rng)
    return np.asarray(wave + wander + moment.noise * rng.normal(0, 0.06, len(time_s)))[:, None]


def emg(person: Person, moment: Moment, time_s: Values, rng: Rng) -> Values:
    """Shoulder muscle in mV: noise under an envelope of tension and movement, (time, 1)."""
    envelope = 0.06 + 0.09 * moment.stress * (1 + 0.3 * slow_wave(time_s, 0.3, rng))
    if moment.activity:
        burst = np.maximum(np.sin(stride(moment, time_s)), 0.0) ** 2
        envelope = envelope + (0.16, 0.07)[moment.activity - 1] * moment.vigour * burst
    envelope = np.maximum(envelope, 0.02)
    wave = envelope * rng.lognormal(0, 0.35) * rng.normal(0, 1, len(time_s))  # posture changes the tension as well
    return np.asarray(wave + moment.noise * rng.normal(0, 0.02, len(time_s)))[:, None]


def eda(person: Person, moment: Moment, time_s: Values, rng: Rng) -> Values:
    """Skin conductance in µS: level, slope and responses, (time, 1)."""
    from scipy.signal import lfilter

    rate_hz = 1 / (time_s[1] - time_s[0])
    lead_s = 10.0  # responses that began before the recording
    count = int((moment.seconds + lead_s) * rate_hz)
    per_minute = 2 + 12 * moment.stress + (0, 4, 7)[moment.activity] * moment.vigour
    drive = rng.poisson(per_minute / 60 / rate_hz, count) * rng.gamma(3.0, 0.12, count)  # µS
    rise, decay = np.exp(-1 / (0.7 * rate_hz)), np.exp(-1 / (2.5 * rate_hz))
    responses = lfilter([1.0], [1.0, -decay], drive) - lfilter([1.0], [1.0, -rise], drive)
    level = person.conductance * (1 + 0.15 * moment.stress + (0, 0.08, 0.2)[moment.activity])
    wave = level + 0.03 * slow_wave(time_s, 0.05, rng) + 2.0 * responses[-len(time_s) :]
    return np.asarray(wave + moment.noise * rng.normal(0, 0.02, len(time_s)))[:, None]


def temp(person: Person, moment: Moment, time_s: Values, rng: Rng) -> Values:
    """Skin at the wrist in °C: cooler under stress, warmer with exercise, (time, 1)."""
    level = person.skin - 0.8 * moment.stress + (0, 0.25, 0.5)[moment.activity] * moment.vigour + rng.normal(0, 0.15)
    slope = -0.01 * moment.stress + 0.005 * moment.activity  # °C/s
    wave = level + slope * time_s + 0.05 * slow_wave(time_s, 0.03, rng)
    return np.asarray(wave + moment.noise * rng.normal(0, 0.03, len(time_s)))[:, None]


def resp(person: Person, moment: Moment, time_s: Values, rng: Rng) -> Values:
    """Widening of the chest, (time, 1)."""
    depth = (0.8 + 0.2 * moment.activity) * (1 - 0.25 * min(moment.stress, 1.2)) * rng.lognormal(0, 0.3)
    phase = breathing(moment, time_s) + 0.4 * slow_wave(time_s, 0.08, rng)
    wave = depth * (np.sin(phase) + 0.2 * np.sin(2 * phase + 0.5))
    if moment.activity:
        wave = wave + 0.05 * moment.vigour * np.sin(stride(moment, time_s))
    return np.asarray(wave + moment.noise * rng.normal(0, 0.1, len(time_s)))[:, None]


SENSORS: dict[str, Callable[[Person, Moment, Values, Rng], Values]] = {
    "acc": acc,
    "gyro": gyro,
    "ecg": ecg,
    "emg": emg,
    "eda": eda,
    "temp": temp,
    "resp": resp,
}

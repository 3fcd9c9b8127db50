"""Small files in WESAD's layout, skin conductance and pulse differ between rest and stress."""

import pickle

import numpy as np

REST, STRESS = 1, 2
CHEST = ("ACC", "ECG", "EMG", "EDA", "Temp", "Resp")


def write_wesad(home, subjects=("S2", "S3", "S4"), seconds=40, chest=False):
    """Each person rests, is stressed, rests and is stressed, `seconds` each; label 0 lies between."""
    for number, name in enumerate(subjects):
        generator = np.random.default_rng(number)
        codes = [0, REST, 0, STRESS, 0, REST, 0, STRESS]
        long = [2 if code == 0 else seconds for code in codes]

        def signal(rate, channels, generator=generator, codes=codes, long=long):
            parts = []
            for code, duration in zip(codes, long, strict=True):
                time = np.arange(duration * rate)[:, None] / rate
                wave = np.sin(2 * np.pi * (1.0 if code == STRESS else 0.3) * time + np.arange(channels))
                parts.append(
                    wave + 2.0 * (code == STRESS) + 0.1 * generator.standard_normal((duration * rate, channels))
                )
            return np.concatenate(parts)

        wrist = {"ACC": 64 * signal(32, 3), "BVP": signal(64, 1), "EDA": signal(4, 1), "TEMP": signal(4, 1)}
        strap = {key: signal(700, 3 if key == "ACC" else 1) for key in CHEST if chest}
        content = {
            "subject": name,
            "signal": {"chest": strap if chest else {}, "wrist": wrist},
            "label": np.concatenate([np.full(d * 700, c, np.int32) for c, d in zip(codes, long, strict=True)]),
        }
        (home / name).mkdir(parents=True, exist_ok=True)
        (home / name / f"{name}.pkl").write_bytes(pickle.dumps(content, protocol=2))
    return home

"""What `fedbind data check` found, as text for a person."""

from __future__ import annotations

from client.data.describe import DatasetCheck


def check_text(found: DatasetCheck) -> str:
    """Subjects, classes, lengths, rates and gaps; then what could not be read, and why."""
    kind = "simulated" if found.simulated else "read from files"
    lines = [
        f"{found.name}, {found.title} ({kind}): {found.recordings} recordings of {len(found.by_subject)} subjects",
        f"cite: {found.citation}",
        f"terms: {found.terms}",
        "",
        "modalities",
    ]
    for name, each in found.modalities.items():
        shortest, median, longest = each.length_s
        lines.append(
            f"  {name}: in {each.recordings} recordings, {each.channels} x {each.rate_hz:g} Hz ({each.unit}), "
            f"{shortest:.1f} / {median:.1f} / {longest:.1f} s (shortest / median / longest), {each.nan_share:.1%} gaps"
        )
    lines += ["", "classes"]
    lines += [f"  {name}: {found.by_class.get(name, 0)} recordings" for name in found.classes]
    lines += ["", "subjects"]
    for subject, counts in found.by_subject.items():
        missing = [name for name in found.classes if not counts.get(name)]
        note = f"; none of: {', '.join(missing)}" if missing and counts else ""
        lines.append(f"  {subject}: {sum(counts.values())} recordings{note}")
    if found.skipped:
        lines += ["", f"left out: {len(found.skipped)}"] + [
            f"  {each.where}: {each.reason}" for each in found.skipped[:50]
        ]
        lines += [f"  … and {len(found.skipped) - 50} more"] if len(found.skipped) > 50 else []
    if found.faults:
        lines += ["", "could not be read"] + [f"  {subject}: {why}" for subject, why in found.faults.items()]
    return "\n".join(lines)

"""What a fresh machine installs, and what Flower carries to a node."""

import importlib.metadata
import re
import shutil
import subprocess
import tomllib
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flwr.cli.build import build_fab_from_disk
from flwr.common.constant import FAB_MAX_SIZE
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import simulation.flower as flower

ROOT = Path(__file__).resolve().parents[1]
PINS = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def bundle() -> zipfile.ZipFile:
    return zipfile.ZipFile(BytesIO(build_fab_from_disk(ROOT)))


def package_files() -> list[str]:
    """Every file of the packages that git keeps, or would keep, below the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *flower.PACKAGES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_every_pin_is_an_exact_version_from_an_index() -> None:
    assert [pin for pin in PINS if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin)] == []


def test_no_pin_brings_cuda() -> None:
    assert [pin for pin in PINS if re.search("nvidia|cuda|triton", pin, re.IGNORECASE)] == []


def test_every_dependency_is_pinned_within_its_bounds(project: dict[str, Any]) -> None:
    pinned = {canonicalize_name(pin.split("==")[0]): pin.split("==")[1] for pin in PINS}
    wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} is not in constraints.txt"
        assert requirement.specifier.contains(pinned[name]), f"{requirement} does not allow {pinned[name]}"


def test_the_pins_agree_with_one_another() -> None:
    pinned = {canonicalize_name(pin.split("==")[0]): pin.split("==")[1] for pin in PINS}
    disagree = []
    for name in pinned:
        try:
            needs = map(Requirement, importlib.metadata.requires(name) or [])
        except importlib.metadata.PackageNotFoundError:
            continue  # the developers' tools, where only the package itself is installed
        for need in needs:
            applies = need.marker is None or need.marker.evaluate({"extra": ""})
            version = pinned.get(canonicalize_name(need.name))
            if applies and version is not None and not need.specifier.contains(version, prereleases=True):
                disagree.append(f"{name} needs {need}, not {version}")
    assert disagree == []


def test_the_makefile_installs_the_pinned_torch() -> None:
    asked = re.findall(r"install (torch==\S+)", (ROOT / "Makefile").read_text())
    assert asked
    assert set(asked) <= set(PINS)


def test_flower_carries_every_file_of_the_packages(bundle: zipfile.ZipFile) -> None:
    # Flower leaves out other endings than .py, .toml, .md, .yaml and .json, test_*.py, and folders such as lib or
    # build: a template or a module there would be missing on the machine that runs the ServerApp.
    assert sorted(set(package_files()) - set(bundle.namelist())) == []


def test_the_bundle_holds_nothing_else_and_is_small(bundle: zipfile.ZipFile) -> None:
    others = [name for name in bundle.namelist() if name.split("/")[0] not in flower.PACKAGES]
    assert sorted(others) == [".info/CONTENT", "pyproject.toml"]
    assert sum(entry.compress_size for entry in bundle.infolist()) < FAB_MAX_SIZE / 4


def test_one_list_of_packages(project: dict[str, Any]) -> None:
    packages = set(flower.PACKAGES)
    tools = project["tool"]
    assert {pattern.rstrip("*") for pattern in tools["setuptools"]["packages"]["find"]["include"]} == packages
    assert set(tools["importlinter"]["root_packages"]) == packages
    assert set(tools["mypy"]["packages"]) == packages


def test_every_package_folder_is_a_package() -> None:
    # import-linter and the wheel see a folder of modules as a package only where it has an __init__.py
    folders = {Path(name).parent for name in package_files() if name.endswith(".py")}
    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()] == []


def test_an_installed_copy_makes_the_same_app(
    project: dict[str, Any], bundle: zipfile.ZipFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages"
    for package in flower.PACKAGES:
        shutil.copytree(ROOT / package, installed / package)
    monkeypatch.setattr(flower, "__file__", str(installed / "simulation" / "flower.py"))
    monkeypatch.setattr(flower.importlib.metadata, "version", lambda _: project["project"]["version"])
    app = flower.app_folder(tmp_path / "app")

    copy = zipfile.ZipFile(BytesIO(build_fab_from_disk(app)))
    modules = [name for name in bundle.namelist() if name.split("/")[0] in flower.PACKAGES]
    assert {name: copy.read(name) for name in modules} == {name: bundle.read(name) for name in modules}
    described = tomllib.loads(copy.read("pyproject.toml").decode())["tool"]["flwr"]["app"]
    expected = project["tool"]["flwr"]["app"]
    assert sorted(described.pop("fab-include")) == sorted(expected.pop("fab-include"))
    assert described == expected


def test_a_checkout_is_its_own_app(tmp_path: Path) -> None:
    assert flower.app_folder(tmp_path / "app") == ROOT
    assert not (tmp_path / "app").exists()

from __future__ import annotations

from pathlib import Path

import pytest

from featurizers.encoder_licence import licence_of


@pytest.mark.parametrize(
    ("files", "licence"),
    [
        ({"README.md": "---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\nlicense: none"}, "apache-2.0"),
        ({"README.md": "# A model\nlicense: mit", "config.json": '{"pretrained_cfg": {"license": "cc-by-4.0"}}'},
         "cc-by-4.0"),
        ({"config.json": '{"license": "mit"}'}, "mit"),
        ({"config.json": "[1", "LICENSE": "\n   Apache License\n Version 2.0"}, "Apache License"),
        ({"config.json": '{"pretrained_cfg": null}'}, ""),
        ({"config.json": "[" * 10_000, "LICENSE": "MIT"}, "MIT"),
        ({}, ""),
    ],
)  # fmt: skip
def test_the_files_say_it(tmp_path: Path, files: dict[str, str], licence: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert licence_of(tmp_path) == licence


def test_a_folder_that_is_not_here_says_nothing(tmp_path: Path) -> None:
    assert licence_of(tmp_path / "gone") == ""


def test_the_bundled_encoder_says_its_own() -> None:
    from featurizers.encoders import BUNDLED, available_encoders

    found = {name: what.rpartition(", ")[2] for name, what in available_encoders().items()}
    assert licence_of(found[BUNDLED]) == "apache-2.0"

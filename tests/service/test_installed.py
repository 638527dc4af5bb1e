from pathlib import Path

import pytest

from service.installed import described, folder_mb


@pytest.mark.parametrize(
    ("torch", "packages", "cuda"),
    [
        ("2.13.0+cpu", ["torch", "numpy"], False),
        ("2.13.0", ["torch", "numpy"], False),
        ("2.13.0+cu130", ["torch"], True),
        ("2.13.0", ["torch", "nvidia-cublas"], True),
    ],
)
def test_a_cuda_build_is_told_with_the_way_to_another(
    torch: str, packages: list[str], cuda: bool
) -> None:
    told = described(torch, packages, 1234.5)
    assert f"torch {torch}" in told
    assert "1,234 MB" in told
    assert ("CPU build does the same" in told) is cuda


def test_a_folder_weighs_what_its_files_do(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "a").write_bytes(b"x" * 500_000)
    (tmp_path / "b").write_bytes(b"x" * 250_000)
    (tmp_path / "link").symlink_to(tmp_path / "b")
    assert folder_mb(str(tmp_path)) == pytest.approx(0.75, abs=0.001)

from pathlib import Path

import pytest

from retrieval.errors import ConfigError
from retrieval.settings import Settings, load_settings, source


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_option_goes_before_the_environment_and_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "assay.toml").write_text("port = 1\nhost = 'file'\nthreads = 4\n")
    monkeypatch.setenv("ASSAY_PORT", "2")
    monkeypatch.setenv("ASSAY_HOST", "environment")
    found = load_settings(port=3, host=None)
    assert (found.port, found.host, found.threads) == (3, "environment", 4)
    assert source("port", {"port": 3}) == "option"
    assert source("host") == "environment ASSAY_HOST"
    assert source("threads") == "assay.toml"
    assert source("encoder") == "default"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("ASSAY_PORT", "many", "port"),
        ("ASSAY_PORT", "70000", "65535"),
        ("ASSAY_BACKEND", "gpu", "openvino"),
        ("ASSAY_TIMEOUT_S", "0", "timeout_s"),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(
    name: str, value: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=text):
        load_settings()


def test_an_unknown_setting_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "assay.toml").write_text("prot = 1\n")
    with pytest.raises(ConfigError, match="prot"):
        load_settings()


def test_secrets_do_not_show() -> None:
    assert "hunter2" not in repr(load_settings(api_key="hunter2"))


def test_every_setting_is_described() -> None:
    assert [name for name, each in Settings.model_fields.items() if not each.description] == []

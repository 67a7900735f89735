from tests.support.repository import run_tool


def test_imports_keep_every_contract() -> None:
    """The layers and the walls of pyproject.toml stand; a module without a layer is a broken contract too."""
    ended = run_tool("lint-imports", "--no-cache")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "5 kept, 0 broken" in ended.stdout

"""The code digest changes with the code that a result depends on, and with nothing else."""

import pytest

from dotbench import digest


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text('"""Words."""\nfrom dotbench.b import f\n\nx = f(1)\n')
    (tmp_path / "b.py").write_text("def f(x):\n    return x\n")
    (tmp_path / "c.py").write_text("y = 1\n")
    monkeypatch.setattr(digest, "PACKAGE", tmp_path)
    _forget()
    yield tmp_path
    _forget()


def _forget():
    for function in (digest.code_digest, digest._tree, digest._imports, digest._fingerprint):
        function.cache_clear()


def changed_by(file, text) -> bool:
    before = digest.code_digest("dotbench.a")
    file.write_text(text)
    _forget()
    return digest.code_digest("dotbench.a") != before


def test_its_own_code_and_what_it_imports_count(package):
    assert changed_by(package / "a.py", "from dotbench.b import f\n\nx = f(2)\n")
    assert changed_by(package / "b.py", "def f(x):\n    return x + 1\n")


def test_other_modules_comments_and_docstrings_do_not_count(package):
    assert not changed_by(package / "c.py", "y = 2\n")
    assert not changed_by(
        package / "a.py", '"""Other words."""\nfrom dotbench.b import f  # why\n\n\nx = f(1)\n'
    )

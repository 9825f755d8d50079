"""The command line: help, exit codes and errors."""

import pytest

from dotbench.cli import COMMANDS, main
from dotbench.commands import new_method


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(command in text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"dotbench {command}" in capsys.readouterr().out.partition("example")[2]


def test_a_mistyped_command_is_told_the_nearest(capsys):
    assert main(["staus"]) == 2
    assert "did you mean 'status'" in capsys.readouterr().err


def test_a_mistyped_trial_is_told_what_a_trial_is(capsys):
    assert main(["run", "vgg-fcrn"]) == 2
    assert "vgg/xie2015/n32/draw0/fcrn_a" in capsys.readouterr().err


def test_a_wrong_configuration_names_the_line(tmp_path, capsys):
    file = tmp_path / "mine.yaml"
    file.write_text("methods:\n  - fcrn_a\n  - fcrn_x\nrun: []\n")
    assert main(["status", "--configfile", str(file)]) == 2
    message = capsys.readouterr().err
    assert f"{file}:4" in message and "did you mean 'runs'" in message


@pytest.mark.parametrize("kind", new_method.FILES)
def test_new_method_does_not_overwrite(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(new_method, "ROOT", tmp_path)
    for path in new_method.FILES[kind].values():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    assert main(["new-method", "mine", "--kind", kind]) == 0
    written = capsys.readouterr().out
    assert all(path.format(id="mine") in written for path in new_method.FILES[kind].values())
    assert main(["new-method", "mine", "--kind", kind]) == 2
    assert "is taken" in capsys.readouterr().err
    assert main(["new-method", "Mine!", "--kind", kind]) == 2

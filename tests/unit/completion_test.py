#!/usr/bin/env python3
"""Completes command lines in bash, zsh and fish themselves, with the scripts that wsbpf prints.

usage: completion_test.py WSBPF
"""

import os
import pty
import re
import select
import shlex
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PATIENCE_SECONDS = 60
KILL_LINE = "\x15"

# Stands in for the program, which each script asks for connections.
STAND_IN = r"""#!/bin/sh
case $1 in
check) exit "$(cat "$(dirname "$0")/check_status")" ;;
list) cat "$(dirname "$0")/lines" ;;
esac
"""
LINES = "".join(
    f'{{"id":"{id_}","node":"n","remote":{{"address":"10.0.0.1","port":4{id_[:1]}}},'
    f'"state":"close_wait","age_seconds":1}}\n'
    for id_ in ("101", "202.3"))


class Bash:
    name = "bash"

    def __init__(self, place):
        self.place = place

    def complete(self, line):
        # As readline splits it: at blanks and at =, but not within quotes.
        words = re.findall(r"'[^']*'?|=|[^\s=']+", line)
        if line.endswith(" ") and line.count("'") % 2 == 0:
            words.append("")
        script = (f"source {shlex.quote(str(self.place / 'wsbpf.bash'))}\n"
                  f"COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}\n"
                  "_wsbpf\nprintf '%s\\n' \"${COMPREPLY[@]}\"")
        return checked(["bash", "--norc", "--noprofile", "-c", script], self.place).splitlines()


class Fish:
    name = "fish"

    def __init__(self, place):
        self.place = place

    def complete(self, line):
        script = (f"source {shlex.quote(str(self.place / 'wsbpf.fish'))}\n"
                  f"complete -C {shlex.quote(line)}")
        found = checked(["fish", "--no-config", "-c", script], self.place).splitlines()
        return [each.split("\t")[0] for each in found]


class Zsh:
    """Keys are typed into an interactive shell, whose compadd tells what it is given."""

    name = "zsh"
    SETUP = r"""
PS1= ; unsetopt beep; LISTMAX=10000; autoload -Uz compinit; compinit -u -D
source {place}/wsbpf.zsh
compadd() {{
  if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
  local -a __hits
  builtin compadd -O __hits "$@"
  (( $#__hits )) && printf '%s\n' $IPREFIX$^__hits >>{place}/hits
  builtin compadd "$@"
}}
mark_end() {{ : >{place}/done; comppostfuncs=(mark_end) }}
comppostfuncs=(mark_end)
: >{place}/ready
"""

    def __init__(self, place, setup=SETUP):
        self.place = place
        script = place / "setup.zsh"
        script.write_text(setup.format(place=place))
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(place)
            os.execvpe("zsh", ["zsh", "-f", "-i"], environment(place))
        self.type(f" source {script}\n", "ready")

    def end(self):
        os.close(self.terminal)
        os.waitpid(self.child, 0)

    def complete(self, line):
        hits = self.place / "hits"
        hits.unlink(missing_ok=True)
        (self.place / "done").unlink(missing_ok=True)
        self.type(f"{KILL_LINE}{line}\t", "done")
        return hits.read_text().splitlines() if hits.exists() else []

    def type(self, keys, until):
        os.write(self.terminal, keys.encode())
        end = time.monotonic() + PATIENCE_SECONDS
        shown = b""
        while not (self.place / until).exists():
            if time.monotonic() > end:
                raise AssertionError(f"zsh does not go on after {keys!r}: {shown!r}")
            if select.select([self.terminal], [], [], 0.05)[0]:
                shown += os.read(self.terminal, 4096)


def environment(place):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WSBPF")}
    return kept | {"PATH": f"{place / 'bin'}:{kept['PATH']}", "HOME": str(place), "TERM": "dumb"}


def checked(command, place):
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place,
                          env=environment(place), timeout=PATIENCE_SECONDS)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{command}: {done.returncode}: {done.stderr}")
    return done.stdout


STATES = {"established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait", "close",
          "close-wait", "last-ack", "listen", "closing", "all", "connected", "synchronized",
          "bucket", "big"}
COMMANDS = {"run", "top", "list", "events", "explain", "alerts", "check", "doctor", "record", "replay", "completion"}
VERDICTS = {"socket_destroyed", "process_exit", "unreachable", "mtu_blackhole",
            "keepalive_timeout", "user_timeout", "nat_expired", "peer_vanished", "upgrade_failed",
            "slow_consumer",
            "server_stall", "close_wait_leak", "unread_data_reset", "data_after_close",
            "reset_after_fin", "simultaneous_close", "local_abort", "clean", "peer_reset", "local_close",
            "remote_close", "unknown"}
RACES = {"unread_data_reset", "data_after_close", "reset_after_fin", "reset_during_close",
         "simultaneous_close", "late_reset"}


# What is written, what is offered among others, and what is not. None: nothing else is, either.
CASES = [
    ("wsbpf ", COMMANDS, {"--sort", "wsbpf.fish"}),
    ("wsbpf li", {"list"}, None),
    ("wsbpf --", {"--help", "--version"}, {"--sort"}),
    ("wsbpf list --", {"--output", "--sort", "--limit", "--socket", "--port", "--help"},
     {"--batch", "--role"}),
    ("wsbpf top --b", {"--batch"}, None),
    ("wsbpf list -o ", {"table", "wide", "json", "jsonl"}, None),
    ("wsbpf list --output j", {"json", "jsonl"}, None),
    ("wsbpf list --sort ", {"id", "state", "state_age", "recv_q", "peer"}, {"--sort", "table"}),
    ("wsbpf list --sort sta", {"state", "state_age"}, None),
    ("wsbpf list --sort -sta", {"-state", "-state_age"}, None),
    ("wsbpf list --sort=sta", {"state", "state_age"}, None),
    ("wsbpf list --sort=-sta", {"-state", "-state_age"}, None),
    ("wsbpf top -s ", {"state", "state_age", "comm"}, {"table"}),
    ("wsbpf run --role ", {"server", "client", "both"}, None),
    ("wsbpf run --log-level d", {"debug"}, None),
    ("wsbpf run --sweep ", {"10s", "1m"}, {"wsbpf.fish"}),
    ("wsbpf run --port ", set(), None),
    ("wsbpf run --config wsbpf.", {"wsbpf.bash", "wsbpf.fish", "wsbpf.zsh"}, None),
    ("wsbpf replay wsbpf.f", {"wsbpf.fish"}, None),
    ("wsbpf completion ", {"bash", "zsh", "fish"}, None),
    ("wsbpf list state ", STATES, None),
    ("wsbpf events verdict peer", {"peer_reset", "peer_vanished"}, None),
    ("wsbpf list state = clos", {"close", "close-wait", "closing"}, None),
    ("wsbpf list idle gt ", {"30s", "5m"}, STATES),
    ("wsbpf list state clos", {"close", "close-wait", "closing"}, None),
    ("wsbpf list state eq clos", {"close", "close-wait", "closing"}, None),
    ("wsbpf list verdict ", VERDICTS, STATES),
    ("wsbpf list race ", RACES, None),
    ("wsbpf list half-open ", {"unacked", "probing", "silent"}, STATES),
    ("wsbpf list role ", {"server", "client"}, STATES),
    ("wsbpf list role server and ", {"state", "verdict", "half-open", "comm", "not"}, STATES),
    ("wsbpf list comm node and half", {"half-open"}, None),
    ("wsbpf list -o wide state clos", {"close", "close-wait", "closing"}, None),
    ("wsbpf list 'state clos", {"close", "close-wait", "closing"}, None),
    ("wsbpf top -F ", {"state", "verdict", "role"}, STATES),
    ("wsbpf top -F 'state clos", {"close", "close-wait", "closing"}, None),
    ("wsbpf top -F 'role server and state clos", {"close", "close-wait", "closing"}, None),
    ("wsbpf explain ", {"101", "202.3"}, None),
    ("wsbpf explain 2", {"202.3"}, None),
]


class Completion(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.place = Path(holder.name)
        for shell in ("bash", "zsh", "fish"):
            script = self.place / f"wsbpf.{shell}"
            script.write_text(checked([WSBPF, "completion", shell], self.place))
            checked([shell, "-n", script], self.place)
        program = self.place / "bin" / "wsbpf"
        program.parent.mkdir()
        program.write_text(STAND_IN)
        program.chmod(0o755)
        (program.parent / "lines").write_text(LINES)
        self.daemon_answers(0)

    def daemon_answers(self, status):
        (self.place / "bin" / "check_status").write_text(f"{status}\n")

    def complete(self, shell, line):
        """What is offered for the last word; of words in one pair of quotes, for the last."""
        found = [each.strip().split(" ")[-1].removeprefix("--sort=")
                 for each in shell.complete(line)]
        return {each for each in found if each}

    def expect(self, shell):
        for line, offered, not_offered in CASES:
            if shell.name == "fish" and " -sta" in line:
                continue  # takes all that begins with a dash for an option
            with self.subTest(line=line):
                found = self.complete(shell, line)
                self.assertEqual(set(), offered - found, f"offered: {found}")
                wrong = found - offered if not_offered is None else found & not_offered
                self.assertEqual(set(), wrong)

    def expect_no_ids(self, shell):
        self.daemon_answers(1)
        self.assertEqual(set(), self.complete(shell, "wsbpf explain "))

    def test_bash(self):
        self.expect(Bash(self.place))
        self.expect_no_ids(Bash(self.place))

    def test_zsh(self):
        shell = Zsh(self.place)
        self.addCleanup(shell.end)
        self.expect(shell)
        self.expect_no_ids(shell)

    def test_fish(self):
        self.expect(Fish(self.place))
        self.expect_no_ids(Fish(self.place))

    def test_zsh_autoloads_it(self):
        functions = self.place / "functions"
        functions.mkdir()
        (functions / "_wsbpf").write_text((self.place / "wsbpf.zsh").read_text())
        setup = Zsh.SETUP.replace("source {place}/wsbpf.zsh\n", "")
        shell = Zsh(self.place, "fpath=({place}/functions $fpath)" + setup)
        self.addCleanup(shell.end)
        self.assertEqual({"list"}, self.complete(shell, "wsbpf li"))

    def test_there_is_no_other_shell(self):
        done = subprocess.run([WSBPF, "completion", "tcsh"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(2, done.returncode)
        self.assertEqual("", done.stdout)
        self.assertRegex(done.stderr, "tcsh.*bash.*zsh.*fish")


if __name__ == "__main__":
    WSBPF = Path(sys.argv.pop(1)).resolve()
    unittest.main()

# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`mevnode quote` as people and scripts use it."""

import os
import subprocess
import time

import pytest
from econ_cases import HEADER, cases, to_csv
from econ_reference import U64

POOL = {
    "--reserve-in": "1000000000000",
    "--reserve-out": "500000000000",
    "--fee": "3/1000",
    "--amount-in": "10000000000",
    "--min-amount-out": "4900000000",
    "--capital": "100000000000",
}
ROW = "1000000000000,500000000000,3,1000,10000000000,4900000000,100000000000"
ANSWER = "50892274,3669027011,1822343795,4900000000,3719919285"


def options(**changes):
    """The options of POOL, changed; None leaves one out."""
    merged = POOL | {"--" + key.replace("_", "-"): value for key, value in changes.items()}
    return [word for pair in merged.items() if pair[1] is not None for word in pair]


def values(done):
    """key=value lines as a dictionary."""
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def test_one(quote):
    """All keys, in order."""
    done = quote(*options())
    assert list(values(done).items()) == [
        ("victim_out_untouched", "4935790171"),
        ("break_even", "3013547412"),
        ("front_run_in", "3669027011"),
        ("front_run_out", "1822343795"),
        ("victim_out", "4900000000"),
        ("back_run_out", "3719919285"),
        ("profit", "50892274"),
    ]


def test_fixed(quote):
    """All of the capital, or nothing."""
    got = values(quote(*options(capital="1000000000"), "--strategy", "fixed"))
    assert (got["front_run_in"], got["profit"]) == ("1000000000", "13934473")
    got = values(quote(*options(), "--strategy", "fixed"))
    assert (got["profit"], got["front_run_in"], got["reason"]) == ("0", "0", "unprofitable")


@pytest.mark.parametrize(
    "reason, changes",
    [
        ("below_break_even", {"amount_in": "3013547411", "min_amount_out": "0"}),
        ("victim_reverts", {"min_amount_out": "4935790172"}),
        ("unprofitable", {"min_amount_out": "4935790171"}),
        ("unprofitable", {"capital": "0"}),
        ("victim_reverts", {"amount_in": str(U64), "fee": "0/1"}),
    ],
)
def test_reason(quote, reason, changes):
    """Why there is no profit."""
    got = values(quote(*options(**changes)))
    assert (got["profit"], got["reason"]) == ("0", reason)


@pytest.mark.parametrize(
    "args, words",
    [
        ([], ["--reserve-in", "missing"]),
        (options(fee=None), ["--fee", "missing"]),
        (options(fee="3/2"), ["--fee '3/2'", "NUM/DEN"]),
        (options(fee="1/1000001"), ["--fee"]),
        (options(fee="0.003"), ["--fee '0.003'"]),
        (options(reserve_in="0"), ["--reserve-in '0'", "from 1"]),
        (options(amount_in="1e9"), ["--amount-in '1e9'"]),
        (options(amount_in="-1"), ["--amount-in '-1'"]),
        (options(capital=str(U64 + 1)), ["--capital", "2^64 - 1"]),
        (options() + ["--strategy", "best"], ["--strategy 'best'", "optimal or fixed"]),
        (options() + ["--capital", "5"], ["--capital", "twice"]),
        (options() + ["--csv", "x"], ["--csv", "exclude"]),
        (options() + ["--capitol", "5"], ["--capitol", "not an option"]),
        (options() + ["-x"], ["-x", "not an option"]),
        (options() + ["stray"], ["'stray'"]),
        (["--csv"], ["--csv", "needs a value"]),
    ],
)
def test_wrong_usage(quote, args, words):
    """Exit code 2, nothing on stdout, one line that names the culprit."""
    done = quote(*args)
    assert done.returncode == 2
    assert not done.stdout
    assert len(done.stderr.splitlines()) == 1
    for word in words:
        assert word in done.stderr


def test_help(quote):
    """Goes to stdout, with examples."""
    done = quote("--help")
    assert done.returncode == 0
    assert "examples:" in done.stdout and "--csv" in done.stdout and not done.stderr


def test_csv_is_tolerant(quote, tmp_path):
    """CR LF, more columns, no newline at the end, a file or stdin: the same answers."""
    want = f"profit,front_run_in,front_run_out,victim_out,back_run_out\n{ANSWER}\n"
    for text in (
        f"{HEADER}\n{ROW}\n",
        f"{HEADER}\r\n{ROW}\r\n",
        f"{HEADER}\n{ROW}",
        f"{HEADER},note,more\n{ROW},a b,\n",
        f"{HEADER},note\r\n{ROW},7\r\n",
        f"{HEADER}\n{ROW.replace('10000000000,49', '00000000000000000000010000000000,49')}\n",
    ):
        path = tmp_path / "swaps.csv"
        path.write_bytes(text.encode())
        assert quote("--csv", str(path)).stdout == want, text
        assert quote("--csv", "-", text=text).stdout == want, text
    assert quote("--csv", "-", text=HEADER + "\n").stdout == want.splitlines()[0] + "\n"


@pytest.mark.parametrize(
    "text, words",
    [
        ("", [":1:", "header"]),
        ("\n", [":1:", "'reserve_in'"]),
        (HEADER.replace("fee_den", "fee_denom") + "\n", [":1:", "column 4", "'fee_den'"]),
        (HEADER.replace(",capital", "") + "\n", [":1:", "column 6"]),
        (f"{HEADER}\n{ROW}\n{ROW},1\n", [":3:", "8 columns", "7"]),
        (f"{HEADER},note\n{ROW}\n", [":2:", "7 columns", "8"]),
        (f"{HEADER}\n1,2,3\n", [":2:", "3 columns"]),
        (f"{HEADER}\n{ROW}\n\n", [":3:", "reserve_in"]),
        (f"{HEADER}\n{ROW.replace('500', 'x500')}\n", [":2:", "reserve_out"]),
        (f"{HEADER}\n{ROW.replace('500', ' 500')}\n", [":2:", "reserve_out"]),
        (f"{HEADER}\n{ROW.replace(',3,', ',-3,')}\n", [":2:", "fee_num"]),
        (f"{HEADER}\n{ROW.replace(',3,', ',1000,')}\n", [":2:", "fee 1000/1000"]),
        (f"{HEADER}\n{ROW.replace(',1000,', ',1000001,')}\n", [":2:", "fee 3/1000001"]),
        (f"{HEADER}\n{ROW.replace(',3,', ',,')}\n", [":2:", "fee_num"]),
        (f"{HEADER}\n{ROW[:-12]}{U64 + 1}\n", [":2:", "capital", "2^64 - 1"]),
        (f"{HEADER}\n{ROW[:-12]}{'9' * 40}\n", [":2:", "capital", "2^64 - 1"]),
        (f"{HEADER}\n{ROW}.5\n", [":2:", "capital"]),
    ],
)
def test_csv_is_strict(quote, tmp_path, text, words):
    """Exit code 2, and file and line by name."""
    path = tmp_path / "bad.csv"
    path.write_bytes(text.encode())
    done = quote("--csv", str(path))
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1
    for word in [str(path), *words]:
        assert word in done.stderr


def test_csv_line_without_end(quote):
    """Something that is no CSV file does not fill the memory."""
    done = quote("--csv", "-", text=HEADER + "\n" + "0" * 300000)
    assert done.returncode == 2
    assert "stdin:2: line longer than" in done.stderr


def test_csv_answers_rows_before_a_bad_one(quote):
    """What was right is not lost."""
    done = quote("--csv", "-", text=f"{HEADER}\n{ROW}\nnonsense\n")
    assert done.returncode == 2 and ANSWER in done.stdout and "stdin:3:" in done.stderr


def test_csv_in_and_output_errors(quote, mevnode, tmp_path):
    """Exit code 1 where reading or writing fails."""
    missing = quote("--csv", str(tmp_path / "none.csv"))
    assert missing.returncode == 1 and "none.csv" in missing.stderr
    assert quote("--csv", str(tmp_path)).returncode == 1
    with open("/dev/full", "w", encoding="ascii") as full:
        for args, text in ((["--csv", "-"], f"{HEADER}\n{ROW}\n"), (options(), None)):
            done = subprocess.run(
                [mevnode, "quote", *args],
                input=text,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            assert done.returncode == 1 and "stdout" in done.stderr


def test_csv_in_small_pieces(mevnode):
    """A slow pipe that cuts lines anywhere."""
    many = cases(20260903, 300)
    text = to_csv(many).encode()
    whole = subprocess.run([mevnode, "quote", "--csv", "-"], input=text, stdout=-1, check=True)
    with subprocess.Popen(
        [mevnode, "quote", "--csv", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as slow:
        for start in range(0, len(text), 997):
            os.write(slow.stdin.fileno(), text[start : start + 997])
            time.sleep(0.001)
        slow.stdin.close()
        assert slow.stdout.read() == whole.stdout
        assert slow.wait() == 0

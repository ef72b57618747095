# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Test traffic for mevnode, together with a model of what the node must make of it.

The model is independent of the C code on purpose (Python's big integers, no shared tables): where
the two disagree, one of them is wrong. Reading order, from the ground up:

    economics   exact swap legs, break-even, the best front-run
    wire        frames and payloads as bytes, checksums
    model       a frame in, its verdict out (the node, as the specification has it)
    traffic     random swaps over a set of pools: what all modes draw from
    malformed, noise, feed, modes
                what is sent, and what each draw is meant to become
    pcap        the capture file
    capture     draws, judges, counts and writes one capture
    cli         the command line
"""

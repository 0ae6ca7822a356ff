"""Benchmarks: ratios that hold on any machine, measured in one run (`deploy/dev.py bench`).

Rule: A and B are interleaved, round by round, on the same disk and the same loopback, and every
figure printed was measured in this run. Leaves out pass or fail: a goal that was missed is printed
as missed, and the exit status stays 0, because a busy machine is no bug.
"""

"""Uploads at the node: taken in durably, receipted, judged, opened and handed over.

Owns what happens between a vendor's bytes and SPSE's opening room. Rules: nothing is acknowledged
before it is durable (Invariant 1); nobody learns whose bids a package has, or how many, before its
effective deadline (Invariant 6). Leaves out schedules (their port is `ports`) and the way to the
centre.
"""

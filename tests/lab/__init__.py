"""The laboratory: real peers, certificates, names and ports on loopback for the acceptance tests and the demonstration.

A `Lab` owns one DNS server, one test CA and the processes started in it; leaving it stops them all and fails if one of
them crashed or a sanitizer spoke. See docs/how-to/test-lab.md.
"""

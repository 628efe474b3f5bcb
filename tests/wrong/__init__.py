"""Programs that are wrong on purpose, each in one way that people really make, and the checks that catch them.

A check that has never failed proves nothing. So every check of the suites has to fail on at least one of these
programs, with a complaint that its author can use; test_wrong_programs.py sees to it.
"""

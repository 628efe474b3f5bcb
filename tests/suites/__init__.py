"""The shared suites: what a chat has to do, seen from outside.

A check knows sockets and windows, never the program's code: so one suite tests every stage, `final/`, and a
program in any language. `programs` runs what is tested; `people` talk to a server; `windows` looks at a
window and uses it; `echo`, `usernames`, `broadcast` and `window` hold the checks.
"""

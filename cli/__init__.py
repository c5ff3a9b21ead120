"""Dateline on the command line: what the HTTP API can do, for people at a terminal and for scripts.

app           the commands, put together
commands/     a command, or a group of them, a file
service       asks Dateline over HTTP
status_watch  looks at the state of things again and again
terminal      writes for people, or JSON; nothing a stranger wrote reaches the terminal as it is
options       what every command takes
failures      how a command ends, and with which exit code
"""

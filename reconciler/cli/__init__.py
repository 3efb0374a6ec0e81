"""The command line: parse, call one pipeline function, render, exit. Home of click."""

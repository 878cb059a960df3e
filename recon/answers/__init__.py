"""Answers about one judged migration: which rows, who, and why; asked of a kept run or of an open judgement."""

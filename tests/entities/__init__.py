"""Tests of the levels above lines."""

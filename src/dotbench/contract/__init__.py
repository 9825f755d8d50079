"""The one contract that matters: a method is anything that writes counts.csv, dots.csv and run.json for a split.

This room owns it: what a trial is called (trial), where its files lie (layout), how it can end (status), what its records
say (records), the rows of its tables (tables), its model (model), and how all of them are written together (predictions).
No other file names a column or a key of these files.
"""

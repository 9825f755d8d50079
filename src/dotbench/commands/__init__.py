"""The commands of `dotbench`, one file each: a description, its arguments, and what it does."""

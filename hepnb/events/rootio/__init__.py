"""ROOT files through uproot: open files, checks, directories, branches, objects."""

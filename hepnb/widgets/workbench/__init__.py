"""The workbench: six linked panels."""

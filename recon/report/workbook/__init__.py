"""The findings as tables to work in: a workbook that is annotated and read back, or CSV files of the same."""

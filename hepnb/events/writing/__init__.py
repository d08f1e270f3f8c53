"""New files: skims, shuffles, histograms and trees, ROOT and Parquet."""

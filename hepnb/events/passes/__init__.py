"""One pass over entries: plan the memory, read blocks, evaluate, accumulate."""

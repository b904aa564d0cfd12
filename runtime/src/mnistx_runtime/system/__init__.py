"""What the operating system gives: files that are written whole, processes, memory, threads, signals, streams."""

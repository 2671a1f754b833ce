"""What a whole campaign takes: sizes, tasks, files, bytes and hours of every stage beforehand."""

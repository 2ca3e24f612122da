"""Behind `segkit.cluster`: how each kind of cluster is started, and its certificates."""

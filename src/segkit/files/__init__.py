"""Behind `segkit.data`: how the archives of BBBC039 are fetched, unpacked and verified."""

"""Behind `segkit.frame`: how the stages and the methods are computed, on NumPy and on CuPy."""

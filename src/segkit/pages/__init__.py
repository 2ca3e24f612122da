"""Behind `segkit.course`: notebooks in kernels of their own, and the pages that they become."""

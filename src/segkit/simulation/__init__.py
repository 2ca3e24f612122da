"""Behind `segkit.simulate`: nuclei that are drawn and packed, and the camera that sees them."""

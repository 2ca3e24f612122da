// The arrows that unfold the table of contents have no name of their own: tell what they unfold.
document.addEventListener("DOMContentLoaded", () => {
  for (const arrow of document.querySelectorAll("nav li > details > summary")) {
    const entry = arrow.closest("li").querySelector("a");
    if (entry && !arrow.textContent.trim()) {
      arrow.setAttribute("aria-label", `Pages of ${entry.textContent.trim()}`);
    }
  }
});

// The arrows that unfold the table of contents have no accessible name: say what they unfold.
document.addEventListener("DOMContentLoaded", () => {
  for (const arrow of document.querySelectorAll("nav li > details > summary")) {
    const entry = arrow.closest("li").querySelector("a");
    if (entry && !arrow.textContent.trim()) {
      arrow.setAttribute("aria-label", `Pages of ${entry.textContent.trim()}`);
    }
  }
});
